// EventLoop: the main thread's wait for file descriptors, signals and a deadline.
//
// Lock order: the loop takes the machine lock around callbacks and around its own tables, never while it waits. All
// methods except wake() and run_once() are called with that lock held (or before the other threads exist).
#pragma once

#include <poll.h>
#include <signal.h>

#include <atomic>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "base/unique_fd.h"

namespace twin86 {

class EventLoop;

/// Keeps a file descriptor watched; the callback is never called again once this is gone.
class FdWatch {
  public:
    FdWatch() = default;
    FdWatch(FdWatch&&) noexcept = default;
    FdWatch& operator=(FdWatch&& other) noexcept;
    ~FdWatch() { release(); }
    void release();
    explicit operator bool() const { return entry_ != nullptr; }

    /// POLLIN, POLLOUT or both; with 0 the descriptor is not polled at all, not even for hang-ups.
    void set_events(short events);

  private:
    friend class EventLoop;
    struct Entry {
        EventLoop* loop;
        int fd;
        short events;
        std::function<void(short revents)> callback;
        bool live = true;
    };
    std::shared_ptr<Entry> entry_;
};

/// Keeps signals blocked and delivered as loop callbacks; restores the signal mask when destroyed. A thread waits for
/// them. A signalfd would do without, but the kernel wakes who polls one at each signal of the process, and the
/// translator's SIGSEGVs come by the thousand.
class SignalWatch {
  public:
    SignalWatch(EventLoop& loop, std::initializer_list<int> signals, std::function<void(int signal)> callback);
    ~SignalWatch();
    SignalWatch(const SignalWatch&) = delete;
    SignalWatch& operator=(const SignalWatch&) = delete;

  private:
    friend class EventLoop;
    void wait();
    void deliver();
    sigset_t awaited_{}, old_mask_{};
    EventLoop& loop_;
    int any_;
    std::function<void(int)> callback_;
    std::atomic<u64> arrived_ = 0;  // bit n: signal n
    std::atomic<bool> ending_ = false;
    std::thread thread_;
};

class EventLoop {
  public:
    using FdCallback = std::function<void(short revents)>;
    static constexpr u64 kNoDeadline = ~u64{0};

    explicit EventLoop(std::mutex& machine_lock);
    ~EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    /// Watches are one per descriptor and may be destroyed from inside any callback, their own included.
    [[nodiscard]] FdWatch add_fd(int fd, short events, FdCallback callback);
    /// Delivers signals as callbacks. Call it before other threads start, because they inherit the signal mask.
    [[nodiscard]] std::unique_ptr<SignalWatch> on_signals(std::initializer_list<int> signals,
                                                          std::function<void(int)> callback) {
        return std::make_unique<SignalWatch>(*this, signals, std::move(callback));
    }

    /// A signal that ends the process waits to be delivered.
    bool termination_waits() const;

    /// Makes the current or next run_once() return; from any thread and from signal handlers.
    void wake();

    /// Waits until something happens or CLOCK_MONOTONIC reaches the deadline, then calls what is due. The caller must
    /// not hold the machine lock.
    void run_once(u64 deadline_monotonic_ns = kNoDeadline);

  private:
    friend class FdWatch;
    friend class SignalWatch;
    void changed();
    void forget_dead();
    void collect();
    void dispatch();

    std::mutex& machine_lock_;
    UniqueFd wake_fd_;
    std::vector<std::shared_ptr<FdWatch::Entry>> entries_;
    bool dispatching_ = false;
    std::vector<SignalWatch*> signal_watches_;
    // The set being polled, used by the loop's thread alone.
    std::vector<pollfd> polled_;
    std::vector<std::shared_ptr<FdWatch::Entry>> polled_entries_;
};

}  // namespace twin86
