// WindowPolicy: what an address space does and spends, and whether it has windows then.
#include "mmu/window_policy.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace twin86;

namespace {

constexpr u64 kMs = 1'000'000;

struct Step {
    u64 spend_ms, run_ms;
    bool changed, on;         ///< afterwards
    u64 translation_ms = 0, pages = 0;  ///< work that was done meanwhile
};
constexpr u64 kUnsettled = 10'000;  ///< of translation: longer than any wait here pays for

struct Case {
    const char* what;
    u64 wait_ms;
    bool always;
    bool on_at_first;
    std::vector<Step> steps;
};

const std::vector<Case> kCases = {
    {"nothing to wait for: on from the beginning", 0, false, true, {{0, 1, false, true}}},
    {"on when it has run for long enough",
     60,
     false,
     false,
     {{0, 59, false, false, kUnsettled}, {0, 1, true, true}, {0, 1000, false, true}}},
    {"settled: nothing new for 4 ms", 60, false, false, {{0, 3, false, false}, {0, 1, true, true}}},
    {"twice what translation took",
     60,
     false,
     false,
     {{0, 4, false, false, 5}, {0, 5, false, false}, {0, 1, true, true}}},
    {"a page counts for 16 us",
     60,
     false,
     false,
     {{0, 8, false, false, 0, 500}, {0, 7, false, false}, {0, 1, true, true}}},
    {"what was spent before windows does not count", 60, false, false, {{500, 60, true, true, kUnsettled}, {0, 1, false, true}}},
    {"20 ms are free", 0, false, true, {{20, 0, false, true}, {1, 0, true, false}}},
    {"a sixth of the run time may be spent",
     0,
     false,
     true,
     {{30, 60, false, true}, {0, 60, false, true}, {11, 0, true, false}}},
    {"too dear: eight times the wait, and 20 ms",
     60,
     false,
     false,
     {{0, 60, true, true, kUnsettled}, {40, 60, true, false}, {0, 499, false, false}, {0, 1, true, true}}},
    {"a kernel that was too dear waits 20 ms",
     0,
     false,
     true,
     {{21, 0, true, false}, {0, 19, false, false}, {0, 1, true, true}}},
    {"no wait is longer than 10 s",
     9000,
     false,
     false,
     {{0, 9000, true, true, kUnsettled}, {21, 0, true, false}, {0, 9999, false, false}, {0, 1, true, true}}},
    {"each decision starts to count anew",
     60,
     false,
     false,
     {{0, 60, true, true, kUnsettled}, {30, 60, false, true}, {0, 60, false, true}}},
    {"always", 60, true, true, {{0, 0, false, true}, {5000, 1, false, true}}},
};

}  // namespace

TEST_CASE("Decisions about windows") {
    for (const Case& c : kCases) {
        WindowPolicy policy(c.wait_ms * kMs, c.always);
        INFO(c.what);
        CHECK(policy.on() == c.on_at_first);
        for (std::size_t n = 0; n < c.steps.size(); ++n) {
            INFO("step " << n);
            policy.spend(c.steps[n].spend_ms * kMs);
            CHECK(policy.ran(c.steps[n].run_ms * kMs, {c.steps[n].pages, c.steps[n].translation_ms * kMs}) == c.steps[n].changed);
            CHECK(policy.on() == c.steps[n].on);
        }
    }
}

TEST_CASE("a longer grace bears a dear start") {
    WindowPolicy process(0), kernel(0, false, 300 * kMs);
    for (WindowPolicy* policy : {&process, &kernel}) policy->spend(100 * kMs);
    CHECK(process.ran(10 * kMs));
    CHECK_FALSE(process.on());
    CHECK_FALSE(kernel.ran(10 * kMs));
    CHECK(kernel.on());
    kernel.spend(210 * kMs);
    CHECK(kernel.ran(10 * kMs));
    CHECK_FALSE(kernel.on());
}
