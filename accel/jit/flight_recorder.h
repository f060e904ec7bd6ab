// FlightRecorder: the last exits of emitted code to the run loop, printed on panic, triple fault or SIGQUIT.
#pragma once

#include <vector>

#include "base/types.h"

namespace twin86::jit {

struct FlightRecord {
    u64 rip;
    u64 detail;
    u32 reason;  ///< ExitReason, or 0x100 + vector of a delivered event
};

class FlightRecorder {
  public:
    static constexpr std::size_t kSize = 65536;
    FlightRecorder() : records_(kSize) {}

    void add(u64 rip, u32 reason, u64 detail) { records_[next_++ % kSize] = {rip, detail, reason}; }
    /// Calls f with the last n records, oldest first.
    template <class F>
    void for_last(std::size_t n, F f) const {
        const u64 have = next_ < kSize ? next_ : kSize;
        if (n > have) n = have;
        for (u64 i = next_ - n; i < next_; ++i) f(records_[i % kSize]);
    }

  private:
    std::vector<FlightRecord> records_;
    u64 next_ = 0;
};

}  // namespace twin86::jit
