#include "ui/terminal/event_loop.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/host_time.h"

namespace twin86 {

FdWatch& FdWatch::operator=(FdWatch&& other) noexcept {
    if (this == &other) return *this;
    release();
    entry_ = std::move(other.entry_);
    return *this;
}

void FdWatch::release() {
    if (entry_ == nullptr) return;
    entry_->live = false;
    if (entry_->loop != nullptr) entry_->loop->changed();
    entry_.reset();
}

void FdWatch::set_events(short events) {
    if (entry_ == nullptr || entry_->events == events) return;
    entry_->events = events;
    if (entry_->loop != nullptr) entry_->loop->changed();
}

EventLoop::EventLoop(std::mutex& machine_lock)
    : machine_lock_(machine_lock), wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    CHECK(wake_fd_.get() >= 0, "eventfd: errno {}", errno);
    // A reader that went away is an EPIPE for the writer, not the end of the process.
    struct sigaction old {};
    if (::sigaction(SIGPIPE, nullptr, &old) == 0 && old.sa_handler == SIG_DFL) ::signal(SIGPIPE, SIG_IGN);
}

EventLoop::~EventLoop() {
    for (const auto& entry : entries_) entry->loop = nullptr;  // watches may outlive the loop
}

FdWatch EventLoop::add_fd(int fd, short events, FdCallback callback) {
    FdWatch watch;
    watch.entry_ = std::make_shared<FdWatch::Entry>(FdWatch::Entry{this, fd, events, std::move(callback)});
    entries_.push_back(watch.entry_);
    changed();
    return watch;
}

void EventLoop::wake() {
    const u64 one = 1;
    [[maybe_unused]] const ssize_t n = ::write(wake_fd_.get(), &one, sizeof one);  // full means already awake
}

/// The set that a waiting loop polls is out of date. During dispatch nobody waits, so no system call is needed.
void EventLoop::changed() {
    if (!dispatching_) wake();
}

void EventLoop::forget_dead() {
    std::erase_if(entries_, [](const auto& entry) { return !entry->live; });
}

void EventLoop::collect() {
    polled_.assign(1, pollfd{wake_fd_.get(), POLLIN, 0});
    polled_entries_.assign(1, nullptr);
    forget_dead();
    for (const auto& entry : entries_) {
        if (entry->events == 0) continue;
        polled_.push_back(pollfd{entry->fd, entry->events, 0});
        polled_entries_.push_back(entry);
    }
}

void EventLoop::dispatch() {
    dispatching_ = true;
    for (std::size_t i = 1; i < polled_.size(); ++i) {
        FdWatch::Entry& entry = *polled_entries_[i];
        // Another thread or an earlier callback may have dropped the watch or its interest meanwhile.
        const short wanted = entry.events | POLLHUP | POLLERR | POLLNVAL;
        if (entry.live && entry.events != 0 && (polled_[i].revents & wanted)) entry.callback(polled_[i].revents);
    }
    dispatching_ = false;
    polled_entries_.clear();
    forget_dead();
}

void EventLoop::run_once(u64 deadline_monotonic_ns) {
    {
        const std::scoped_lock lock(machine_lock_);
        collect();
    }
    timespec timeout{};
    const timespec* wait = nullptr;
    if (deadline_monotonic_ns != kNoDeadline) {
        const u64 now = monotonic_ns();
        const u64 rest = deadline_monotonic_ns > now ? deadline_monotonic_ns - now : 0;
        timeout.tv_sec = static_cast<time_t>(rest / 1'000'000'000);
        timeout.tv_nsec = static_cast<long>(rest % 1'000'000'000);
        wait = &timeout;
    }
    const int ready = ::ppoll(polled_.data(), polled_.size(), wait, nullptr);
    if (ready > 0 && polled_[0].revents != 0) {
        u64 count;
        [[maybe_unused]] const ssize_t n = ::read(wake_fd_.get(), &count, sizeof count);
    }
    const std::scoped_lock lock(machine_lock_);
    if (ready <= 0) return polled_entries_.clear();
    dispatch();
    for (SignalWatch* watch : signal_watches_) watch->deliver();
}

}  // namespace twin86
