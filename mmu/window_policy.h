// WindowPolicy: when an address space deserves windows. Filling one costs hundreds of times what a soft TLB's miss
// costs, so it pays for code that runs for a while on memory that stays.
#pragma once

#include <algorithm>

#include "base/types.h"

namespace twin86 {

class WindowPolicy {
  public:
    // Measured costs: of the signal that asks for a fill (the fill itself is timed: what a system call costs depends on
    // what else the host does), of the host's page fault behind it, of taking a mapping away, of comparing one.
    static constexpr u64 kSignalNs = 3'000, kHostFaultNs = 1'000, kUnmapNs = 2'500, kCheckNs = 50;

    /// `wait_ns`: run time before windows are used.
    explicit WindowPolicy(u64 wait_ns, bool always = false)
        : on_(always || wait_ns == 0), always_(always), wait_ns_(wait_ns) {}

    bool on() const { return on_; }
    void spend(u64 ns) { spent_ns_ += ns; }

    /// Run time passed. True: the decision has changed.
    bool ran(u64 ns) {
        if (always_) return false;
        run_ns_ += ns;
        if (on_ ? spent_ns_ <= kGraceNs + run_ns_ / kAffordable : run_ns_ < wait_ns_) return false;
        // What was too dear is tried again much later.
        if (on_) wait_ns_ = std::min(wait_ns_ * 8 + kGraceNs, kLongestWaitNs);
        on_ = !on_;
        run_ns_ = spent_ns_ = 0;
        return true;
    }

  private:
    static constexpr u64 kGraceNs = 20'000'000;
    static constexpr u64 kLongestWaitNs = 10'000'000'000;
    static constexpr u64 kAffordable = 6;  ///< one part in so many of the run time may go into windows

    bool on_;
    bool always_;
    u64 wait_ns_;
    u64 run_ns_ = 0;
    u64 spent_ns_ = 0;
};

}  // namespace twin86
