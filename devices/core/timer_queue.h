// TimerQueue: the deadlines of all devices in virtual time, run by the machine under its lock.
#pragma once

#include <functional>
#include <set>
#include <utility>

#include "base/state_archive.h"
#include "devices/core/clock.h"

namespace twin86 {

class TimerQueue;

/// A one-shot timer owned by a device; disarms itself when it fires and when it is destroyed.
class Timer {
  public:
    Timer(TimerQueue& queue, std::function<void()> callback) : queue_(queue), callback_(std::move(callback)) {}
    ~Timer() { cancel(); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    /// (Re)arms for the absolute virtual time deadline_ns; a deadline in the past fires at the next run_due().
    void arm(u64 deadline_ns);
    void cancel();
    bool armed() const { return armed_; }
    u64 deadline_ns() const { return deadline_; }
    /// Whether it is armed, and for when.
    void visit(StateArchive& archive);

  private:
    friend class TimerQueue;
    TimerQueue& queue_;
    std::function<void()> callback_;
    u64 deadline_ = 0;
    bool armed_ = false;
};

class TimerQueue {
  public:
    static constexpr u64 kNever = ~u64{0};

    explicit TimerQueue(const Clock& clock) : clock_(clock) {}

    u64 now_ns() const { return clock_.now_ns(); }
    /// Earliest deadline, or kNever.
    u64 next_deadline_ns() const { return armed_.empty() ? kNever : armed_.begin()->first; }
    /// Fires every timer whose deadline has passed, in deadline order.
    void run_due();
    /// Called (under the machine lock) whenever the earliest deadline became earlier.
    void set_on_earlier(std::function<void()> callback) { on_earlier_ = std::move(callback); }

  private:
    friend class Timer;
    const Clock& clock_;
    std::set<std::pair<u64, Timer*>> armed_;
    std::function<void()> on_earlier_;
};

}  // namespace twin86
