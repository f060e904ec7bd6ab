#include "base/alarm.h"

#include "base/quiet_thread.h"

namespace twin86 {

Alarm::Alarm(std::function<void()> ring)
    : ring_(std::move(ring)), thread_(quiet_thread([this] { wait(); })) {}

Alarm::~Alarm() {
    {
        const std::scoped_lock held(lock_);
        ending_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void Alarm::set(u64 ns) {
    {
        const std::scoped_lock held(lock_);
        due_ = Clock::now() + std::chrono::nanoseconds(ns);
    }
    changed_.notify_one();
}

void Alarm::wait() {
    std::unique_lock held(lock_);
    while (!ending_) {
        if (due_ == Clock::time_point::max()) {
            changed_.wait(held);
            continue;
        }
        const Clock::time_point due = due_;
        changed_.wait_until(held, due);
        if (ending_ || due_ != due || Clock::now() < due) continue;
        due_ = Clock::time_point::max();
        held.unlock();
        ring_();
        held.lock();
    }
}

}  // namespace twin86
