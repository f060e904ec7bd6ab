// DeviceWork: what other threads have for the devices, kept until the vCPU's thread may do it.
#pragma once

#include <atomic>
#include <deque>
#include <mutex>
#include <utility>

#include "devices/core/deferred_work.h"

namespace twin86 {

class DeviceWork : public DeferredWork {
  public:
    /// `wake` is called after each post, from the posting thread, without any lock.
    explicit DeviceWork(std::function<void()> wake) : wake_(std::move(wake)) {}

    void post(std::function<void()> work) override {
        {
            const std::scoped_lock held(mutex_);
            work_.push_back(std::move(work));
            waiting_ = true;
        }
        wake_();
    }

    bool waiting() const { return waiting_; }

    /// With the machine's lock held, between two runs of the processor. Work may post more work, which is done too.
    void run() {
        while (waiting_) {
            std::deque<std::function<void()>> work;
            {
                const std::scoped_lock held(mutex_);
                work.swap(work_);
                waiting_ = false;
            }
            for (const std::function<void()>& f : work) f();
        }
    }

  private:
    std::function<void()> wake_;
    std::mutex mutex_;
    std::deque<std::function<void()>> work_;
    std::atomic<bool> waiting_ = false;
};

}  // namespace twin86
