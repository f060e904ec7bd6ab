// Mode: what emitted code assumes of the processor's state besides the bytes it was made from.
#pragma once

#include "base/types.h"
#include "cpu/state/cpu_state.h"

namespace twin86::jit {

/// What emitted code must do for an access through a segment.
enum class SegmentCheck : u8 {
    kFull,     ///< ask C++: null, expand-down, execute-only
    kLimit,    ///< compare with the limit, add the base
    kBase,     ///< limit 4 GiB: add the base
    kNothing,  ///< flat
};

/// Everything of the processor's mode that emitted code assumes. The list of assumptions is this struct.
struct Mode {
    u64 value = 0;

    enum Bits : u64 {
        kCode64 = 1u << 0,       ///< CS.L in long mode
        kCode32 = 1u << 1,       ///< CS.D
        kUser = 1u << 2,         ///< CPL 3
        kAllowUser = 1u << 3,    ///< supervisor may touch user pages: no SMAP, or EFLAGS.AC
        kDown = 1u << 4,         ///< EFLAGS.DF
        kSingleStep = 1u << 5,   ///< EFLAGS.TF: one-instruction blocks that end in #DB
        kShadowed = 1u << 6,     ///< STI or MOV SS shadow: one instruction, no interrupt poll
        kStack32 = 1u << 7,      ///< SS.B
        kNoX87 = 1u << 8,        ///< CR0.EM or CR0.TS: x87 and MMX raise #NM (EM: MMX #UD)
        kNoSse = 1u << 9,        ///< SSE raises #UD or #NM
        kNoAvx = 1u << 10,       ///< CR4.OSXSAVE or XCR0 lacks AVX
        kNoAvx512 = 1u << 11,    ///< XCR0 lacks the AVX-512 components
        kNoFsgsbase = 1u << 12,  ///< CR4.FSGSBASE clear
        kBaked = 1u << 13,       ///< RIP is in the key and in the code
        kOneInsn = 1u << 14,     ///< one-instruction blocks that leave through the run loop
        kProtected = 1u << 15,   ///< CR0.PE and not VM86
        kPaging = 1u << 16,      ///< CR0.PG
        kWaitTraps = 1u << 17,   ///< CR0.TS and CR0.MP: FWAIT raises #NM
        kRing0 = 1u << 18,       ///< CPL 0
        kSmap = 1u << 19,        ///< CR4.SMAP: EFLAGS.AC selects the view
        kTsd = 1u << 20,         ///< CR4.TSD: RDTSC is privileged
        kAligned = 1u << 21,     ///< CR0.AM and EFLAGS.AC at CPL 3: misaligned data accesses are #AC
        kWindows = 1u << 22,     ///< memory operands go through windows (mmu/windows.h) where a site does not forbid it
        kSegmentShift = 24,      ///< three bits from here for each segment: SegmentCheck of a read, writes are allowed
        kLimitShift = 43,        ///< the limit of CS, see code_limit()
    };

    bool has(u64 bits) const { return (value & bits) != 0; }
    SegmentCheck check(unsigned segment, bool write) const {
        const u64 state = value >> (kSegmentShift + 3 * segment);
        return write && !(state & 4) ? SegmentCheck::kFull : static_cast<SegmentCheck>(state & 3);
    }
    /// The last valid EIP; the key holds it as a descriptor does, in bytes or 4-KiB pages, plus 1 (0: no limit).
    u32 code_limit() const;
    unsigned code_bits() const { return has(kCode64) ? 64 : has(kCode32) ? 32 : 16; }
    unsigned stack_bits() const { return has(kCode64) ? 64 : has(kStack32) ? 32 : 16; }
    u8 view() const { return has(kUser) ? 0 : has(kAllowUser) ? 2 : 1; }
    bool operator==(const Mode&) const = default;

    static Mode of(const CpuState& s, bool one_insn);
};

}  // namespace twin86::jit
