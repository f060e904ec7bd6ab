// Host clocks, as nanoseconds.
#pragma once

#include <ctime>

#include "base/types.h"

namespace twin86 {

/// Nanoseconds of a host clock (clock_gettime(2)).
inline u64 clock_ns(clockid_t clock) {
    timespec t{};
    clock_gettime(clock, &t);
    return static_cast<u64>(t.tv_sec) * 1'000'000'000 + static_cast<u64>(t.tv_nsec);
}

inline u64 monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }

}  // namespace twin86
