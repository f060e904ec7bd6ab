// WorkAlarm: an alarm that rings when a thread has had so much processor time, however long a busy host makes it wait.
#pragma once

#include <functional>
#include <mutex>

#include "base/alarm.h"
#include "base/thread_time.h"

namespace twin86 {

class WorkAlarm {
  public:
    /// `time` outlives the alarm.
    WorkAlarm(const ThreadTime& time, std::function<void()> ring);

    /// Rings when the thread has used `ns` from now; an earlier setting is forgotten.
    void set(u64 ns);

  private:
    static constexpr u64 kLongestWait_ns = 100'000'000;
    void look();
    bool due();

    const ThreadTime& time_;
    std::function<void()> ring_;
    std::mutex lock_;
    u64 until_ = 0, wait_ = 0;
    Alarm alarm_;  // last: its thread uses the rest
};

}  // namespace twin86
