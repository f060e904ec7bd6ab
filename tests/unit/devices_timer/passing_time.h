// Time passes while a device works, and a host that takes the processor away makes that any amount. No event may fall
// between two looks at the clock.
#pragma once

#include "base/log.h"
#include "devices/core/timer_queue.h"
#include "tests/unit/devices_irq/irq_fakes.h"

namespace twin86 {

/// Each look at it takes `step` nanoseconds.
class PassingClock : public Clock, public WallClock {
  public:
    explicit PassingClock(u64 step) : step_(step) {}
    u64 now_ns() const override { return now_ += step_; }
    i64 now_unix_ns() const override { return static_cast<i64>(now_ += step_); }

  private:
    mutable u64 now_ = 0;
    u64 step_;
};

struct PassingTime {
    explicit PassingTime(u64 step) : clock(step) {}
    PassingClock clock;
    TimerQueue queue{clock};
    RecordingSink irq;
    Log log;

    /// Until the line has risen so often; false: it does not by `end`.
    bool wait_for_rises(int rises, u64 end) {
        while (irq.rises[0] < rises && clock.now_ns() < end) queue.run_due();
        return irq.rises[0] == rises;
    }
};

}  // namespace twin86
