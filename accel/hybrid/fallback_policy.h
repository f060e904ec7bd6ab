// FallbackPolicy: how long a processor stays with the engine that can do everything after the other one failed.
//
// A crossing costs far more than an instruction, and where one instruction was missing the next is near: the stay
// doubles while the first engine fails before it has been worth its crossings, and shrinks otherwise.
#pragma once

#include <algorithm>

#include "base/types.h"

namespace twin86 {

class FallbackPolicy {
  public:
    /// The shortest is that of a timer's interrupt.
    static constexpr u64 kShortest_ns = 50'000, kLongest_ns = 256'000'000;
    /// There and back are some 100 us on hosts that emulate ring 0.
    static constexpr u64 kWorthwhile_ns = 500'000;

    /// The engine failed after it ran for `ran_ns`: how long to stay away from it.
    u64 stay_after(u64 ran_ns) {
        if (ran_ns < kWorthwhile_ns)
            stay_ns_ = std::min(stay_ns_ * 2, kLongest_ns);
        else
            stay_ns_ = std::max(stay_ns_ / 4, kShortest_ns);
        return stay_ns_;
    }

  private:
    u64 stay_ns_ = kShortest_ns;
};

}  // namespace twin86
