// DeferredWork whose work runs when the test says so.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>

#include "devices/core/deferred_work.h"

namespace twin86 {

class ManualWork : public DeferredWork {
  public:
    void post(std::function<void()> work) override {
        const std::scoped_lock held(mutex_);
        work_.push_back(std::move(work));
        posted_.notify_all();
    }
    /// Waits for the next piece of work and does it.
    void run_one() {
        std::unique_lock held(mutex_);
        posted_.wait(held, [this] { return !work_.empty(); });
        const std::function<void()> work = std::move(work_.front());
        work_.pop_front();
        held.unlock();
        work();
    }
    /// Does what has come so far.
    void run_waiting() {
        while (waiting()) run_one();
    }
    template <class Condition>
    void run_until(Condition condition) {
        while (!condition()) run_one();
    }

  private:
    bool waiting() {
        const std::scoped_lock held(mutex_);
        return !work_.empty();
    }

    std::mutex mutex_;
    std::condition_variable posted_;
    std::deque<std::function<void()>> work_;
};

}  // namespace twin86
