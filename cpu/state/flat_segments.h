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

}  // namespace twin86
