#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <bit>

#include "base/bits.h"
#include "base/quiet_thread.h"
#include "ui/terminal/event_loop.h"

namespace twin86 {
namespace {

constexpr u64 kEndProcess = bit(SIGTERM) | bit(SIGINT) | bit(SIGHUP) | bit(SIGQUIT);

}  // namespace

SignalWatch::SignalWatch(EventLoop& loop, std::initializer_list<int> signals, std::function<void(int)> callback)
    : loop_(loop), any_(*signals.begin()), callback_(std::move(callback)) {
    sigemptyset(&awaited_);
    for (const int signal : signals) sigaddset(&awaited_, signal);
    CHECK(pthread_sigmask(SIG_BLOCK, &awaited_, &old_mask_) == 0);
    loop_.signal_watches_.push_back(this);
    thread_ = quiet_thread([this] { wait(); });
}

SignalWatch::~SignalWatch() {
    ending_ = true;
    pthread_kill(thread_.native_handle(), any_);
    thread_.join();
    std::erase(loop_.signal_watches_, this);
    pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
}

void SignalWatch::wait() {
    while (true) {
        int signal;
        if (sigwait(&awaited_, &signal) != 0) continue;
        if (ending_) return;
        arrived_ |= bit(static_cast<unsigned>(signal));
        loop_.wake();
    }
}

void SignalWatch::deliver() {
    for (u64 left = arrived_.exchange(0); left != 0; left &= left - 1) callback_(std::countr_zero(left));
}

bool EventLoop::termination_waits() const {
    return std::ranges::any_of(signal_watches_, [](const SignalWatch* w) { return (w->arrived_ & kEndProcess) != 0; });
}

}  // namespace twin86
