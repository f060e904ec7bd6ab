#include "accel/hybrid/alarm.h"

#include <signal.h>

namespace twin86 {

namespace {

/// Process signals are the main thread's.
std::thread thread_without_signals(std::function<void()> body) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread thread(std::move(body));
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
}

}  // namespace

Alarm::Alarm(std::function<void()> ring)
    : ring_(std::move(ring)), thread_(thread_without_signals([this] { wait(); })) {}

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
