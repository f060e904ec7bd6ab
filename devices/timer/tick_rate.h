// Exact conversion between virtual nanoseconds and the ticks of an oscillator: nothing accumulates, so nothing drifts.
#pragma once

#include "base/types.h"

namespace twin86 {

class TickRate {
  public:
    explicit constexpr TickRate(u64 hz) : hz_(hz) {}

    constexpr u64 ticks(u64 ns) const { return static_cast<u64>(Wide{ns} * hz_ / kSecond_ns); }
    /// The first nanosecond of a tick: ticks(ns(t)) == t.
    constexpr u64 ns(u64 tick) const { return static_cast<u64>((Wide{tick} * kSecond_ns + hz_ - 1) / hz_); }

  private:
    __extension__ using Wide = unsigned __int128;
    static constexpr u64 kSecond_ns = 1'000'000'000;
    u64 hz_;
};

}  // namespace twin86
