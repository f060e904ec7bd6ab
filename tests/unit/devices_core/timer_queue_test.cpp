#include "devices/core/timer_queue.h"

#include "tests/lib/state_copy.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace twin86;

TEST_CASE("timers fire in deadline order and disarm themselves") {
    ManualClock clock;
    TimerQueue queue(clock);
    std::vector<int> fired;
    Timer a(queue, [&] { fired.push_back(1); });
    Timer b(queue, [&] { fired.push_back(2); });
    a.arm(200);
    b.arm(100);
    CHECK(queue.next_deadline_ns() == 100);
    clock.set(150);
    queue.run_due();
    CHECK(fired == std::vector<int>{2});
    clock.set(250);
    queue.run_due();
    CHECK(fired == std::vector<int>{2, 1});
    CHECK(queue.next_deadline_ns() == TimerQueue::kNever);
}

TEST_CASE("a timer that re-arms in the past does not hang run_due") {
    ManualClock clock;
    TimerQueue queue(clock);
    int n = 0;
    Timer* self = nullptr;
    Timer t(queue, [&] { ++n, self->arm(0); });
    self = &t;
    t.arm(0);
    queue.run_due();
    CHECK(n == 1);
    CHECK(t.armed());
}

TEST_CASE("the owner hears of earlier deadlines only") {
    ManualClock clock;
    TimerQueue queue(clock);
    int heard = 0;
    queue.set_on_earlier([&] { ++heard; });
    Timer a(queue, [] {}), b(queue, [] {});
    a.arm(100);
    b.arm(200);
    b.arm(50);
    CHECK(heard == 2);
}

TEST_CASE("a timer's state is its deadline, and nothing else when it is not armed") {
    ManualClock clock;
    TimerQueue queue(clock);
    Timer armed(queue, [] {}), fired(queue, [] {}), never(queue, [] {});
    armed.arm(0);
    copy_state(armed, never);
    CHECK(never.armed());
    CHECK(never.deadline_ns() == 0);
    fired.arm(70);
    fired.cancel();
    Timer fresh(queue, [] {});
    CHECK(saved(fired) == saved(fresh));
    copy_state(fired, never);
    CHECK(!never.armed());
}
