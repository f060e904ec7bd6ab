// Alarm: calls back once after a time, on a thread of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/types.h"

namespace twin86 {

class Alarm {
  public:
    explicit Alarm(std::function<void()> ring);
    ~Alarm();
    Alarm(const Alarm&) = delete;
    Alarm& operator=(const Alarm&) = delete;

    /// Rings `ns` from now; an earlier setting is forgotten.
    void set(u64 ns);

  private:
    using Clock = std::chrono::steady_clock;
    void wait();

    std::function<void()> ring_;
    std::mutex lock_;
    std::condition_variable changed_;
    Clock::time_point due_ = Clock::time_point::max();
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace twin86
