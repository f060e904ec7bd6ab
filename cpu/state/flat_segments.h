// The segments that SYSCALL, SYSENTER and their returns load without a descriptor. SDM vol. 2, SYSCALL, SYSRET.
#pragma once

#include "cpu/state/cpu_state.h"

namespace twin86 {

[[gnu::always_inline]] inline Segment flat_code(u16 selector, unsigned dpl, bool long_mode) {
    return {0, 0xffffffff, selector, static_cast<u16>((long_mode ? 0xa09b : 0xc09b) | dpl << 5)};
}

[[gnu::always_inline]] inline Segment flat_data(u16 selector, unsigned dpl) {
    return {0, 0xffffffff, selector, static_cast<u16>(0xc093 | dpl << 5)};
}

[[gnu::always_inline]] inline void set_kernel_segments(CpuState& s, u16 cs, bool long_mode) {
    s.segment[kCs] = flat_code(cs & 0xfffc, 0, long_mode);
    s.segment[kSs] = flat_data(static_cast<u16>((cs & 0xfffc) + 8), 0);
}

[[gnu::always_inline]] inline void set_user_segments(CpuState& s, u16 cs, u16 ss, bool long_mode) {
    s.segment[kCs] = flat_code(cs | 3, 3, long_mode);
    s.segment[kSs] = flat_data(ss | 3, 3);
}

/// What SYSRET takes from R11: not RF, VM and the reserved bits.
constexpr u64 kSysretFlags = 0x3c7fd7;

/// SYSCALL in long mode, which is enabled.
[[gnu::always_inline]] inline void syscall_long(CpuState& s, u64 next_rip) {
    s.gpr[kRcx] = next_rip;
    s.gpr[kR11] = s.rflags & ~u64{kFlagRF};
    s.rip = s.mode64() ? s.lstar : s.cstar;
    s.rflags = (s.rflags & ~(s.sfmask | kFlagRF)) | kFlagReserved1;
    set_kernel_segments(s, static_cast<u16>(s.star >> 32), true);
}

/// SYSRET to 64-bit code, which is allowed.
[[gnu::always_inline]] inline void sysret_to_64(CpuState& s) {
    const u16 base = static_cast<u16>(s.star >> 48);
    s.rip = s.gpr[kRcx];
    s.rflags = (s.gpr[kR11] & kSysretFlags) | kFlagReserved1;
    set_user_segments(s, static_cast<u16>(base + 16), static_cast<u16>(base + 8), true);
}

}  // namespace twin86
