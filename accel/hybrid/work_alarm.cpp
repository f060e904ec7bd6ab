#include "accel/hybrid/work_alarm.h"

#include <algorithm>

namespace twin86 {

WorkAlarm::WorkAlarm(const ThreadTime& time, std::function<void()> ring)
    : time_(time), ring_(std::move(ring)), alarm_([this] { look(); }) {}

void WorkAlarm::set(u64 ns) {
    const std::scoped_lock held(lock_);
    until_ = time_.ns() + ns;
    wait_ = ns;
    alarm_.set(ns);
}

void WorkAlarm::look() {
    if (due()) ring_();
}

/// A thread that sleeps is looked at less and less often. One that has ended shows no time.
bool WorkAlarm::due() {
    const std::scoped_lock held(lock_);
    const u64 now = time_.ns();
    if (now == 0 || now >= until_) return true;
    wait_ = std::min(std::max<u64>(wait_, 1) * 2, kLongestWait_ns);
    alarm_.set(std::max(wait_, until_ - now));
    return false;
}

}  // namespace twin86
