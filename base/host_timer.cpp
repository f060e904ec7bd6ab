#include "base/host_timer.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"

namespace twin86 {

HostTimer::HostTimer() : fd_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {}

void HostTimer::set(u64 monotonic_ns) {
    constexpr u64 kSecond = 1'000'000'000, kFarthest = u64{1} << 62;
    const u64 at = std::clamp<u64>(monotonic_ns, 1, kFarthest);  // 0 disarms
    itimerspec when{};
    if (monotonic_ns != kNever) when.it_value = {static_cast<time_t>(at / kSecond), static_cast<long>(at % kSecond)};
    CHECK(timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &when, nullptr) == 0, "timerfd: errno {}", errno);
}

void HostTimer::acknowledge() {
    u64 count;
    [[maybe_unused]] const ssize_t n = ::read(fd_.get(), &count, sizeof count);
}

}  // namespace twin86
