#include "base/host_timer.h"

#include <poll.h>

#include <catch2/catch.hpp>

#include "base/host_time.h"

namespace twin86 {

namespace {
bool readable(const HostTimer& timer, int wait_ms) {
    pollfd p{timer.fd(), POLLIN, 0};
    return poll(&p, 1, wait_ms) == 1;
}
constexpr u64 kHour = 3'600'000'000'000;
}  // namespace

TEST_CASE("A host timer is readable from its time on, until that was acknowledged") {
    HostTimer timer;
    CHECK_FALSE(readable(timer, 0));
    const u64 at = monotonic_ns() + 1'000'000;
    timer.set(at);
    CHECK(readable(timer, -1));
    CHECK(monotonic_ns() >= at);
    timer.acknowledge();
    CHECK_FALSE(readable(timer, 0));
    timer.set(at);
    CHECK(readable(timer, -1));
}

TEST_CASE("A host timer that is set again forgets its first time; far and past times are what they are") {
    HostTimer timer;
    timer.set(0);
    CHECK(readable(timer, -1));
    timer.set(monotonic_ns() + kHour);
    CHECK_FALSE(readable(timer, 0));
    timer.set(HostTimer::kNever - 1);
    CHECK_FALSE(readable(timer, 0));
    timer.set(1);
    CHECK(readable(timer, -1));
    timer.set(HostTimer::kNever);
    CHECK_FALSE(readable(timer, 0));
}

}  // namespace twin86
