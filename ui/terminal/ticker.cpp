#include "ui/terminal/ticker.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include "base/check.h"

namespace twin86 {

Ticker::Ticker(EventLoop& loop, unsigned period_ms, std::function<void()> callback)
    : period_ms_(period_ms), callback_(std::move(callback)) {
    fd_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
    CHECK(bool(fd_), "timerfd_create");
    watch_ = loop.add_fd(fd_.get(), POLLIN, [this](short) { expired(); });
}

void Ticker::run(bool on) {
    itimerspec spec{};
    if (on) {
        spec.it_interval.tv_nsec = static_cast<long>(period_ms_ % 1000) * 1'000'000;
        spec.it_interval.tv_sec = static_cast<long>(period_ms_ / 1000);
        spec.it_value = spec.it_interval;
    }
    ::timerfd_settime(fd_.get(), 0, &spec, nullptr);
}

void Ticker::expired() {
    u64 count = 0;
    if (::read(fd_.get(), &count, sizeof count) == static_cast<ssize_t>(sizeof count)) callback_();
}

}  // namespace twin86
