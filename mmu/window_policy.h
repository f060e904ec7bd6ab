// WindowPolicy: when an address space deserves windows. Filling one costs hundreds of times what a soft TLB's miss
// costs, so it pays for code that runs for a while on memory that stays.
#pragma once

#include <algorithm>

#include "base/types.h"

namespace twin86 {

/// What was done without windows, and would be done again with them.
struct WindowWork {
    u64 pages = 0;  ///< that came into the soft TLB
    u64 translation_ns = 0;
    WindowWork operator-(const WindowWork& o) const { return {pages - o.pages, translation_ns - o.translation_ns}; }
};

class WindowPolicy {
  public:
    // Measured costs: of the signal that asks for a fill (the fill itself is timed: what a system call costs depends on
    // what else the host does), of the host's page fault behind it, of taking a mapping away, of comparing one.
    static constexpr u64 kSignalNs = 3'000, kHostFaultNs = 1'000, kUnmapNs = 2'500, kCheckNs = 50;

    static constexpr u64 kGraceNs = 20'000'000;

    /// `wait_ns`: run time after which windows are used, however unsettled. `grace_ns`: what they may cost beyond their share.
    explicit WindowPolicy(u64 wait_ns, bool always = false, u64 grace_ns = kGraceNs)
        : on_(always || wait_ns == 0), always_(always), wait_ns_(wait_ns), grace_ns_(grace_ns) {}

    bool on() const { return on_; }
    /// They were too dear once.
    bool gave_up() const { return gave_up_; }
    void spend(u64 ns) { spent_ns_ += ns; }

    /// Run time passed, in which `work` was done. True: the decision has changed.
    bool ran(u64 ns, const WindowWork& work = {}) {
        if (always_) return false;
        run_ns_ += ns;
        const u64 again = again_ns_ + work.pages * kPageNs + work.translation_ns;
        again_ns_ = again - std::min(again, ns / kGain);
        if (on_ ? spent_ns_ <= grace_ns_ + run_ns_ / kAffordable : !ripe()) return false;
        // What was too dear is tried again much later.
        if (on_) {
            wait_ns_ = std::min(wait_ns_ * 8 + grace_ns_, kLongestWaitNs);
            gave_up_ = true;
        }
        on_ = !on_;
        run_ns_ = spent_ns_ = 0;
        return true;
    }

  private:
    /// It has run for long, or for a while in which windows would have gained what changing to them costs.
    bool ripe() const { return run_ns_ >= wait_ns_ || (!gave_up_ && run_ns_ >= kSettledNs && again_ns_ == 0); }

    // By measurement: programs that start (python) and short loops (matrices) lose least with these.
    static constexpr u64 kSettledNs = 4'000'000;  ///< no process that is over sooner gets windows
    static constexpr u64 kPageNs = 16'000;        ///< to show a page again
    static constexpr u64 kGain = 2;               ///< one part in so many of the run time is saved
    static constexpr u64 kLongestWaitNs = 10'000'000'000;
    static constexpr u64 kAffordable = 6;  ///< one part in so many of the run time may go into windows

    bool on_;
    bool always_;
    bool gave_up_ = false;
    u64 wait_ns_, grace_ns_;
    u64 again_ns_ = 0;  ///< what changing to windows costs, less what they would have gained
    u64 run_ns_ = 0;
    u64 spent_ns_ = 0;
};

}  // namespace twin86
