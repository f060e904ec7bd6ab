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

}  // namespace

Mode Mode::of(const CpuState& s, bool one_insn) {
    u32 m = fpu_traps(s);
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
    for (unsigned i = 0; i < 6; ++i)
        if (s.mode64() ? i < kFs : s.segment[i].base == 0) m |= 1u << (kFlatShift + i);
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

}  // namespace twin86::jit
