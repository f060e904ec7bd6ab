#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "base/quiet_thread.h"
#include "ui/terminal/event_loop.h"

namespace twin86 {
namespace {

bool ends_process(int signal) {
    return signal == SIGTERM || signal == SIGINT || signal == SIGHUP || signal == SIGQUIT;
}

}  // namespace

SignalWatch::SignalWatch(EventLoop& loop, std::initializer_list<int> signals, std::function<void(int)> callback)
    : loop_(loop), any_(*signals.begin()), callback_(std::move(callback)) {
    sigemptyset(&awaited_);
    for (const int signal : signals) sigaddset(&awaited_, signal);
    CHECK(pthread_sigmask(SIG_BLOCK, &awaited_, &old_mask_) == 0);
    int ends[2];
    CHECK(::pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0, "pipe: errno {}", errno);
    read_end_.reset(ends[0]);
    write_end_.reset(ends[1]);
    watch_ = loop.add_fd(read_end_.get(), POLLIN, [this](short) { deliver(); });
    thread_ = quiet_thread([this] { wait(); });
}

SignalWatch::~SignalWatch() {
    watch_.release();
    ending_ = true;
    pthread_kill(thread_.native_handle(), any_);
    thread_.join();
    pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
}

void SignalWatch::wait() {
    while (true) {
        int signal;
        if (sigwait(&awaited_, &signal) != 0) continue;
        if (ending_) return;
        const u8 number = static_cast<u8>(signal);
        if (ends_process(signal)) ++loop_.terminations_;
        if (::write(write_end_.get(), &number, 1) != 1 && ends_process(signal)) --loop_.terminations_;  // 65536 wait
    }
}

void SignalWatch::deliver() {
    u8 number;
    if (::read(read_end_.get(), &number, 1) != 1) return;
    if (ends_process(number)) --loop_.terminations_;
    callback_(number);
}

}  // namespace twin86
