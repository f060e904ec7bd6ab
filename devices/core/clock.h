// Clock: virtual nanoseconds that stop with the guest. WallClock is for the RTC alone.
#pragma once

#include "base/types.h"

namespace twin86 {

class Clock {
  public:
    virtual ~Clock() = default;
    /// Virtual nanoseconds since power-on.
    virtual u64 now_ns() const = 0;
};

/// Seconds and nanoseconds since the Unix epoch.
class WallClock {
  public:
    virtual ~WallClock() = default;
    virtual i64 now_unix_ns() const = 0;
};

/// A clock that tests move by hand.
class ManualClock : public Clock, public WallClock {
  public:
    u64 now_ns() const override { return now_; }
    i64 now_unix_ns() const override { return static_cast<i64>(now_) + epoch_; }
    void set(u64 ns) { now_ = ns; }
    void advance(u64 ns) { now_ += ns; }
    void set_epoch(i64 unix_ns) { epoch_ = unix_ns; }

  private:
    u64 now_ = 0;
    i64 epoch_ = 0;
};

}  // namespace twin86
