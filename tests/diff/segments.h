// The segments of legacy cases: LDT descriptors on the native side, the same segments on the guest's.
//
// Offsets reach the data window through all of them, but with other bases, limits, types and default sizes.
#pragma once

#include "tests/diff/case.h"

namespace twin86::diff {

/// What a segment register holds: an entry of the LDT from kLdtFirst on.
enum SegmentNumber : u8 {
    kFlatSegment,  ///< base 0, limit 4 GiB, 32-bit: of the GDT
    kNullSegment,
    kLdtFirst,
    kCode16 = kLdtFirst,  ///< readable code at kCodeBase
    kPlain16,             ///< 64 KiB around the window
    kOddBase,
    kTight,               ///< its limit lies in the window
    kDown16,              ///< expand-down, 64 KiB
    kWide,                ///< 4 GiB, 32-bit, with a base
    kDown32,              ///< expand-down, 4 GiB
    kReadOnly,
    kWide16,              ///< 4 GiB, 16-bit stack pointer
    kSegmentNumbers,      ///< that cases start with; the others are for programs that load them
    kCode32 = kSegmentNumbers,
    kExecuteOnly,
    kAbsent,
    kAbsentCode,
    kLoadableEnd,  ///< the others are code for programs that go between code segments, see CodeView
    kCode16Next = kLoadableEnd,
    kCode16Page,
    kCode16Alias,
    kCode32Here,
    kCode32Next,
    kCode32Page,
    kCode32Alias,
    kLdtEnd,
};

/// How a code segment shows a program: where its base lies beyond that of the segment in which the program starts.
enum CodeView : u8 { kCodeHere, kCodeNext, kCodePage, kCodeAlias, kCodeViews };
constexpr u64 kCodeShift = 64;  ///< of kCodeNext

/// kCodePage: a page; kCodeAlias: where the first page of code is shown again, and nothing behind it.
constexpr u64 code_shift(CodeView v) { return v == kCodeHere ? 0 : v == kCodeNext ? kCodeShift : v == kCodePage ? kPageSize : kCodeAliasBase - kCodeBase; }

/// Of 16 or 32 bits.
SegmentNumber code_segment(u32 bits, CodeView view);

/// Whether the host lets processes have descriptors of their own (modify_ldt).
bool host_has_ldt();

/// Loads the descriptors into this process's LDT.
void install_ldt();

u16 native_selector(SegmentNumber number);

/// The descriptor in the guest's LDT.
u64 guest_descriptor(SegmentNumber number);

/// As the guest's segment register, at privilege level 3 or 0.
Segment guest_segment(SegmentNumber number, bool user);

/// The first linear address of a segment as cases of this width see it.
Gva segment_base(const MachineState& s, u32 bits, unsigned segment);

/// The last valid offset of a segment that does not expand down.
u32 segment_limit(SegmentNumber number);

/// Whether the stack pointer has 32 bits.
bool is_big(SegmentNumber number);

}  // namespace twin86::diff
