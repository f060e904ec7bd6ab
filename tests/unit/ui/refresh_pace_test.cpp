#include "ui/screen_view.h"

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

constexpr u64 kMs = 1'000'000, kSecond = 1000 * kMs;

/// How often a viewer looks in a second, whose waits last `late` longer than asked for and whose looks take `work`.
unsigned looks_in_a_second(RefreshPace& pace, u64& now, u64 late, u64 work, bool changes) {
    unsigned looks = 0;
    for (const u64 end = now + kSecond; now < end; ++looks) {
        pace.looked(now, changes);
        now += work;
        if (const unsigned wait = pace.wait_ms(now); wait != 0) now += wait * kMs + late;
    }
    return looks;
}

}  // namespace

TEST_CASE("a viewer looks 60 times a second, however late its waits end") {
    for (const u64 late : {u64{0}, kMs, 4 * kMs}) {
        RefreshPace pace;
        u64 now = 12345;
        looks_in_a_second(pace, now, late, 3 * kMs, true);
        CHECK(looks_in_a_second(pace, now, late, 3 * kMs, true) == Approx(60).margin(1));
    }
}

TEST_CASE("a viewer that is slower than that looks without pause, and owes nothing afterwards") {
    RefreshPace pace;
    u64 now = 0;
    CHECK(looks_in_a_second(pace, now, 0, 25 * kMs, true) == 40);
    CHECK(looks_in_a_second(pace, now, 0, 0, true) == Approx(60).margin(2));
}

TEST_CASE("a viewer of an idle screen looks less often, and at once more often when something happens") {
    RefreshPace pace;
    u64 now = 0;
    looks_in_a_second(pace, now, 0, 0, false);
    looks_in_a_second(pace, now, 0, 0, false);
    CHECK(looks_in_a_second(pace, now, 0, 0, false) == Approx(20).margin(1));
    now += kMs;
    pace.looked(now, true);  // before it was due, for an event
    CHECK(pace.wait_ms(now) <= 17);
}

TEST_CASE("looks for reasons of their own do not put the next one off") {
    RefreshPace pace;
    pace.looked(kSecond, true);
    for (u64 n = 0; n < 10; ++n) pace.looked(kSecond + n * kMs, true);
    CHECK(pace.wait_ms(kSecond + 10 * kMs) <= 17);
}
