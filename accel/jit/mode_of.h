// The mode that a processor state stands for. Inlined into leaf helpers too.
#pragma once

#include "accel/jit/mode.h"
#include "mmu/phys_pages.h"

namespace twin86::jit {

TWIN86_LEAF_INLINE u32 fpu_traps(const CpuState& s) {
    u32 m = 0;
    if (s.cr0 & (kCr0EM | kCr0TS)) m |= Mode::kNoX87 | Mode::kNoSse | Mode::kNoAvx | Mode::kNoAvx512;
    if ((s.cr0 & kCr0MP) && (s.cr0 & kCr0TS)) m |= Mode::kWaitTraps;
    if (!(s.cr4 & kCr4OSFXSR)) m |= Mode::kNoSse;
    const bool xsave = s.cr4 & kCr4OSXSAVE;
    if (!xsave || (s.xcr0 & 6) != 6) m |= Mode::kNoAvx | Mode::kNoAvx512;
    if ((s.xcr0 & 0xe6) != 0xe6) m |= Mode::kNoAvx512;
    return m;
}

TWIN86_LEAF_INLINE SegmentCheck check_of(const Segment& seg, bool typed) {
    if (typed && (seg.unusable() || (seg.is_code() && !seg.writable_or_readable()))) return SegmentCheck::kFull;
    if (seg.code_or_data() && !seg.is_code() && seg.conforming_or_expand_down()) return SegmentCheck::kFull;
    if (seg.limit != 0xffffffff) return SegmentCheck::kLimit;
    return seg.base == 0 ? SegmentCheck::kNothing : SegmentCheck::kBase;
}

/// In 64-bit mode only FS and GS have bases, and nothing has limits or types. SDM vol. 3, 5.3.1.
TWIN86_LEAF_INLINE u64 segment_bits(const CpuState& s) {
    const bool typed = s.protected_mode() && !s.vm86();
    u64 m = 0;
    for (unsigned i = 0; i < 6; ++i) {
        const Segment& seg = s.segment[i];
        SegmentCheck check = i < kFs ? SegmentCheck::kNothing : SegmentCheck::kBase;
        if (!s.mode64()) check = check_of(seg, typed);
        const bool writable = s.mode64() || !typed || (!seg.is_code() && seg.writable_or_readable());
        m |= (static_cast<u64>(check) | (writable ? 4 : 0)) << (Mode::kSegmentShift + 3 * i);
    }
    return m;
}

constexpr u32 kLimitInPages = 1u << 20;

TWIN86_LEAF_INLINE u64 limit_bits(const CpuState& s) {
    const u32 limit = s.segment[kCs].limit;
    if (s.mode64() || limit == 0xffffffff) return 0;
    return u64{(limit < kLimitInPages ? limit : limit >> 12 | kLimitInPages) + 1} << Mode::kLimitShift;
}

TWIN86_LEAF_INLINE Mode mode_of(const CpuState& s, bool one_insn) {
    u64 m = fpu_traps(s) | segment_bits(s) | limit_bits(s);
    const bool user = s.cpl() == 3;
    if (s.mode64())
        m |= Mode::kCode64;
    else if (s.segment[kCs].default_big())
        m |= Mode::kCode32;
    if (user)
        m |= Mode::kUser;
    else
        m |= Mode::kBaked;
    if (!s.mode64()) m |= Mode::kBaked;
    if (!user && (!(s.cr4 & kCr4SMAP) || (s.rflags & kFlagAC))) m |= Mode::kAllowUser;
    if (s.cpl() == 0) m |= Mode::kRing0;
    if (!user && (s.cr4 & kCr4SMAP)) m |= Mode::kSmap;
    if (user && (s.cr4 & kCr4TSD)) m |= Mode::kTsd;
    if (s.rflags & kFlagDF) m |= Mode::kDown;
    if (s.rflags & kFlagTF) m |= Mode::kSingleStep;
    if (s.shadow != kShadowNone) m |= Mode::kShadowed;
    // In 64-bit mode SS.B says nothing; kernels run on a null SS behind interrupts and on a flat one behind SYSCALL.
    if (!s.mode64() && s.segment[kSs].default_big()) m |= Mode::kStack32;
    if (!(s.cr4 & kCr4FSGSBASE)) m |= Mode::kNoFsgsbase;
    if (user && (s.cr0 & kCr0AM) && (s.rflags & kFlagAC)) m |= Mode::kAligned;
    if (one_insn) m |= Mode::kOneInsn;
    if (s.protected_mode() && !s.vm86()) m |= Mode::kProtected;
    if (s.cr0 & kCr0PG) m |= Mode::kPaging;
    return Mode{m};
}

}  // namespace twin86::jit
