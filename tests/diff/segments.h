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
    kLdtEnd,
};

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
