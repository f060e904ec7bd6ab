#include "machine/host_clock.h"

#include <catch2/catch.hpp>

using namespace twin86;

TEST_CASE("virtual time begins at 0 with start() and never goes back") {
    HostClock clock;
    CHECK(clock.now_ns() == 0);
    clock.start();
    u64 last = clock.now_ns();
    for (int i = 0; i < 10000; ++i) {
        const u64 now = clock.now_ns();
        REQUIRE(now >= last);
        last = now;
    }
    CHECK(last > 0);
}

TEST_CASE("time and the guest's TSC stop together and go on from there") {
    HostClock clock;
    clock.start();
    clock.stop();
    const u64 ns = clock.now_ns(), tsc = clock.tsc();
    CHECK_FALSE(clock.running());
    for (int i = 0; i < 1000; ++i) REQUIRE((clock.now_ns() == ns && clock.tsc() == tsc));
    clock.stop();
    CHECK(clock.to_monotonic(ns + 1) == ~u64{0});
    clock.resume();
    CHECK(clock.now_ns() >= ns);
    CHECK(clock.tsc() >= tsc);
    while (clock.now_ns() == ns) {
    }
    CHECK(clock.tsc() > tsc);
}

TEST_CASE("deadlines in TSC ticks are never early") {
    HostClock clock;
    clock.start();
    CHECK(clock.tsc_hz() > 100'000'000);
    for (u64 tsc = 1; tsc < u64{1} << 52; tsc = tsc * 3 + 7) {
        const u64 ns = clock.ns_at(tsc);
        REQUIRE(clock.tsc_at(ns) >= tsc);
        REQUIRE((ns < 2 || clock.tsc_at(ns - 2) <= tsc));
    }
    CHECK(clock.ns_at(~u64{0}) == ~u64{0});
}

TEST_CASE("deadlines become host time: past ones are due now, none stays none") {
    HostClock clock;
    clock.start();
    CHECK(clock.to_monotonic(~u64{0}) == ~u64{0});
    const u64 due = clock.to_monotonic(0);
    const u64 now = clock.now_ns();
    CHECK(clock.to_monotonic(now + 1'000'000'000) >= due + 900'000'000);
}

TEST_CASE("the host's TSC of a moment is the first at which it has come") {
    HostClock clock;
    CHECK(clock.host_tsc_at(5) == ~u64{0});
    clock.start();
    const u64 origin = clock.host_tsc_at(0);
    for (u64 ns = 1; ns < u64{1} << 60; ns = ns * 5 + 3) {
        const u64 ticks = clock.host_tsc_at(ns) - origin;
        REQUIRE(clock.ns_at(clock.tsc_at(0) + ticks) > ns);
        REQUIRE(clock.ns_at(clock.tsc_at(0) + ticks - 1) <= ns);
    }
    CHECK(clock.host_tsc_at(~u64{0}) == ~u64{0});
    clock.stop();
    CHECK(clock.host_tsc_at(5) == ~u64{0});
}
