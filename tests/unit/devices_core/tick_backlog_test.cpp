#include "devices/core/tick_backlog.h"

#include "tests/lib/state_copy.h"

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

/// A timer of 1 ms and an interrupt controller that remembers one edge.
struct Fixture {
    static constexpr u64 kPeriod_ns = 1'000'000;
    ManualClock clock;
    TimerQueue queue{clock};
    int edges = 0;
    bool waits = false;
    TickBacklog ticks{queue, [this] { ++edges, waits = true; }, [this] { return waits; }};

    /// The processor takes the interrupt that waits, if any.
    bool take() {
        if (!waits) return false;
        waits = false;
        ticks.interrupt_taken();
        return true;
    }
    void pass(u64 ns) {
        clock.advance(ns);
        queue.run_due();
    }
};

}  // namespace

TEST_CASE("a tick that is taken in time is one edge") {
    Fixture f;
    for (int i = 1; i <= 10; ++i) {
        f.ticks.due(1, f.kPeriod_ns);
        CHECK(f.edges == i);
        CHECK(f.ticks.size() == 0);
        CHECK(f.take());
    }
    CHECK(f.queue.next_deadline_ns() == TimerQueue::kNever);
}

TEST_CASE("ticks of a late host follow one another without any time passing") {
    Fixture f;
    f.ticks.due(16, f.kPeriod_ns);
    CHECK(f.edges == 1);
    int taken = 0;
    while (f.take()) ++taken;
    CHECK(taken == 16);
    CHECK(f.queue.next_deadline_ns() == TimerQueue::kNever);
}

TEST_CASE("ticks that came while the processor got no time are not lost either") {
    Fixture f;
    for (int i = 0; i < 16; ++i) f.ticks.due(1, f.kPeriod_ns);
    CHECK(f.edges == 1);
    int taken = 0;
    while (f.take()) ++taken;
    CHECK(taken == 16);
}

TEST_CASE("an edge that is taken behind our back is found by looking, less and less often") {
    Fixture f;
    f.ticks.due(3, f.kPeriod_ns);
    f.waits = false;
    f.pass(f.queue.next_deadline_ns() - f.clock.now_ns());
    CHECK(f.edges == 2);
    u64 last = 0;
    for (int i = 0; i < 8; ++i) {
        const u64 wait = f.queue.next_deadline_ns() - f.clock.now_ns();
        CHECK(wait >= last);
        CHECK(wait <= f.kPeriod_ns);
        last = wait;
        f.pass(wait);
    }
    CHECK(last == f.kPeriod_ns);
    CHECK(f.edges == 2);
}

TEST_CASE("a guest that stays away gets one second back") {
    Fixture f;
    f.ticks.due(1'000'000, f.kPeriod_ns);
    int taken = 0;
    while (f.take()) ++taken;
    CHECK(taken == 1000);
    f.ticks.due(5, 3'000'000'000);
    CHECK(f.take());
    CHECK_FALSE(f.take());
}

TEST_CASE("periods that nobody can follow are merged, single ticks owe nothing") {
    Fixture f;
    f.ticks.due(1000, TickBacklog::kShortestPeriod_ns - 1);
    f.ticks.due(1, 0);
    CHECK(f.edges == 2);
    CHECK(f.ticks.size() == 0);
}

TEST_CASE("clear() forgets what is owed; saved state keeps it") {
    Fixture f, g;
    f.ticks.due(5, f.kPeriod_ns);
    StateArchive saver = StateArchive::saver();
    f.ticks.visit(saver);
    const std::vector<u8> bytes = saver.bytes();
    StateArchive loader = StateArchive::loader(bytes);
    g.ticks.visit(loader);
    CHECK(loader.failure() == "");
    CHECK(g.ticks.size() == 4);
    CHECK(g.edges == 0);
    g.pass(g.kPeriod_ns);
    CHECK(g.edges == 1);
    f.ticks.clear();
    CHECK(f.take());
    CHECK(f.edges == 1);
    CHECK(f.queue.next_deadline_ns() == TimerQueue::kNever);
}

TEST_CASE("a loaded backlog looks for its next tick when the saved one does") {
    Fixture f, g;
    f.ticks.due(5, f.kPeriod_ns);
    f.pass(f.kPeriod_ns);
    g.clock.set(f.clock.now_ns());
    copy_state(f.ticks, g.ticks);
    CHECK(g.queue.next_deadline_ns() == f.queue.next_deadline_ns());
}
