#include "accel/jit/block.h"

#include <algorithm>

namespace twin86::jit {

namespace {

u32 fpu_traps(const CpuState& s) {
    u32 m = 0;
    if (s.cr0 & (kCr0EM | kCr0TS)) m |= Mode::kNoX87 | Mode::kNoSse | Mode::kNoAvx | Mode::kNoAvx512;
    if ((s.cr0 & kCr0MP) && (s.cr0 & kCr0TS)) m |= Mode::kWaitTraps;
    if (!(s.cr4 & kCr4OSFXSR)) m |= Mode::kNoSse;
    const bool xsave = s.cr4 & kCr4OSXSAVE;
    if (!xsave || (s.xcr0 & 6) != 6) m |= Mode::kNoAvx | Mode::kNoAvx512;
    if ((s.xcr0 & 0xe6) != 0xe6) m |= Mode::kNoAvx512;
    return m;
}

SegmentCheck check_of(const Segment& seg, bool typed) {
    if (typed && (seg.unusable() || (seg.is_code() && !seg.writable_or_readable()))) return SegmentCheck::kFull;
    if (seg.code_or_data() && !seg.is_code() && seg.conforming_or_expand_down()) return SegmentCheck::kFull;
    if (seg.limit != 0xffffffff) return SegmentCheck::kLimit;
    return seg.base == 0 ? SegmentCheck::kNothing : SegmentCheck::kBase;
}

/// In 64-bit mode only FS and GS have bases, and nothing has limits or types. SDM vol. 3, 5.3.1.
u64 segment_bits(const CpuState& s) {
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

constexpr u32 kInPages = 1u << 20;

u64 limit_bits(const CpuState& s) {
    const u32 limit = s.segment[kCs].limit;
    if (s.mode64() || limit == 0xffffffff) return 0;
    return u64{(limit < kInPages ? limit : limit >> 12 | kInPages) + 1} << Mode::kLimitShift;
}

}  // namespace

u32 Mode::code_limit() const {
    const u32 raw = static_cast<u32>(value >> kLimitShift) - 1;
    if (value >> kLimitShift == 0) return ~u32{0};
    return raw & kInPages ? raw << 12 | 0xfff : raw;
}

Mode Mode::of(const CpuState& s, bool one_insn) {
    u64 m = fpu_traps(s) | segment_bits(s) | limit_bits(s);
    const bool user = s.cpl() == 3;
    if (s.mode64()) m |= kCode64;
    else if (s.segment[kCs].default_big()) m |= kCode32;
    if (user) m |= kUser;
    else m |= kBaked;
    if (!s.mode64()) m |= kBaked;
    if (!user && (!(s.cr4 & kCr4SMAP) || (s.rflags & kFlagAC))) m |= kAllowUser;
    if (s.cpl() == 0) m |= kRing0;
    if (!user && (s.cr4 & kCr4SMAP)) m |= kSmap;
    if (user && (s.cr4 & kCr4TSD)) m |= kTsd;
    if (s.rflags & kFlagDF) m |= kDown;
    if (s.rflags & kFlagTF) m |= kSingleStep;
    if (s.shadow != kShadowNone) m |= kShadowed;
    if (s.segment[kSs].default_big()) m |= kStack32;
    if (!(s.cr4 & kCr4FSGSBASE)) m |= kNoFsgsbase;
    if (user && (s.cr0 & kCr0AM) && (s.rflags & kFlagAC)) m |= kAligned;
    if (one_insn) m |= kOneInsn;
    if (s.protected_mode() && !s.vm86()) m |= kProtected;
    if (s.cr0 & kCr0PG) m |= kPaging;
    return Mode{m};
}

const SidePoint& Block::point_at(const u8* pc) const {
    const u32 offset = static_cast<u32>(pc - code);
    auto at = std::upper_bound(points.begin(), points.end(), offset,
                               [](u32 o, const SidePoint& p) { return o < p.host_offset; });
    return *(at - 1);
}

const HelperSite* Block::helper_at(u32 guest_offset) const {
    for (const auto& site : helpers)
        if (site->guest_offset == guest_offset) return site.get();
    return nullptr;
}

}  // namespace twin86::jit
