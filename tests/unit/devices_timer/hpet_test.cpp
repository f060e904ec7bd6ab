#include "devices/timer/hpet.h"

#include <catch2/catch.hpp>

#include "base/bits.h"
#include "tests/unit/devices_irq/irq_fakes.h"
#include "tests/unit/devices_timer/passing_time.h"

using namespace twin86;

namespace {
struct Fixture {
    Log log;
    ManualClock clock;
    TimerQueue queue{clock};
    RecordingSink isa, gsi;
    Hpet hpet{queue, {isa.line(0), isa.line(8), &gsi, 0x00f0'0000}, log};

    u64 read(u64 offset) { return hpet.mmio_read(offset, 8); }
    void write(u64 offset, u64 value) { hpet.mmio_write(offset, 8, value); }
    void to(u64 ns) {
        while (queue.next_deadline_ns() <= ns) {
            clock.set(std::max(queue.next_deadline_ns(), clock.now_ns()));
            queue.run_due();
        }
        clock.set(ns);
    }
};
constexpr u64 kConfig = 0x10, kStatus = 0x20, kCounter = 0xf0, kT0 = 0x100, kT0Value = 0x108, kT1 = 0x120, kT2 = 0x140;
constexpr u64 kLevel = 2, kEnable = 4, kPeriodic = 8, kValueSet = 0x40, k32Bit = 0x100;
constexpr u64 route(u64 n) {
    return n << 9;
}
}  // namespace

TEST_CASE("capabilities: 64-bit counter of 10 ns, three timers, legacy replacement") {
    Fixture f;
    CHECK(f.read(0) == 0x00989680'8086a201);
    CHECK(f.hpet.mmio_read(4, 4) == 10'000'000);
    CHECK(f.read(kT0) == 0x00f0'0000'0000'0030);
    f.write(0, 0);
    CHECK(f.read(0) == 0x00989680'8086a201);
}

TEST_CASE("the counter runs while enabled, keeps its value while halted, and can be set") {
    Fixture f;
    f.to(1000);
    CHECK(f.read(kCounter) == 0);
    f.write(kConfig, 1);
    f.to(2000);
    CHECK(f.read(kCounter) == 100);
    f.write(kConfig, 0);
    f.to(5000);
    CHECK(f.read(kCounter) == 100);
    f.hpet.mmio_write(kCounter + 4, 4, 7);
    CHECK(f.read(kCounter) == 0x7'0000'0064);
    f.write(kConfig, 1);
    f.to(5010);
    CHECK(f.hpet.mmio_read(kCounter, 4) == 0x65);
}

TEST_CASE("one-shot edge interrupt on a selected input") {
    Fixture f;
    f.write(kConfig, 1);
    f.write(kT2, kEnable | route(20));
    f.write(kT2 + 8, 100);
    f.to(999);
    CHECK(f.gsi.rises[20] == 0);
    f.to(1000);
    CHECK(f.gsi.rises[20] == 1);
    CHECK_FALSE(f.gsi.levels[20]);
    f.to(1'000'000);
    CHECK(f.gsi.rises[20] == 1);
    f.write(kT2 + 8, f.read(kCounter) - 1);  // already past: nothing comes for years
    CHECK(f.queue.next_deadline_ns() == TimerQueue::kNever);
}

TEST_CASE("an input that timers cannot reach does not stick") {
    Fixture f;
    f.write(kT0, route(22));
    f.write(kT0, route(5));
    CHECK(bits(f.read(kT0), 13, 9) == 22);
}

TEST_CASE("level interrupts hold the line until the status is cleared") {
    Fixture f;
    f.write(kConfig, 1);
    f.write(kT0, kEnable | kLevel | route(21));
    f.write(kT0Value, 100);
    f.to(1000);
    CHECK(f.gsi.levels[21]);
    CHECK(f.read(kStatus) == 1);
    f.write(kStatus, 2);
    CHECK(f.gsi.levels[21]);
    f.write(kT0, kEnable | kLevel | route(22));
    CHECK((!f.gsi.levels[21] && f.gsi.levels[22]));
    f.write(kStatus, 1);
    CHECK_FALSE(f.gsi.levels[22]);
}

TEST_CASE("periodic as Linux programs it: first match with VAL_SET, then the period") {
    Fixture f;
    f.write(kConfig, 1);
    f.write(kT0, kEnable | kPeriodic | kValueSet | route(20));
    f.write(kT0Value, 500);
    CHECK((f.read(kT0) & kValueSet) == 0);
    f.write(kT0Value, 10'000);
    CHECK(f.read(kT0Value) == 500);
    f.to(5000);
    CHECK(f.gsi.rises[20] == 1);
    CHECK(f.read(kT0Value) == 10'500);
    f.to(105'000);
    CHECK(f.gsi.rises[20] == 2);
    f.clock.set(1'000'000);  // late by several periods: no drift
    f.queue.run_due();
    CHECK(f.queue.next_deadline_ns() == 1'005'000);
}

TEST_CASE("a timer without interrupts costs the host nothing, counts on, and ticks again when they are enabled") {
    Fixture f;
    f.write(kConfig, 1);
    f.write(kT0, kEnable | kPeriodic | kValueSet | route(20));
    f.write(kT0Value, 500);
    f.write(kT0Value, 10'000);
    f.write(kT0, kPeriodic | route(20));
    CHECK(f.queue.next_deadline_ns() == TimerQueue::kNever);
    f.to(205'001);
    CHECK(f.gsi.rises[20] == 0);
    CHECK(f.read(kT0Value) == 30'500);
    f.write(kT0, kEnable | kPeriodic | route(20));
    CHECK(f.queue.next_deadline_ns() == 305'000);
    f.to(305'000);
    CHECK(f.gsi.rises[20] == 1);
}

TEST_CASE("a late host delivers the periods that passed, each when the one before was taken") {
    Fixture f;
    f.gsi.holds_edges = true;
    f.write(kConfig, 1);
    f.write(kT0, kEnable | kPeriodic | kValueSet | route(20));
    f.write(kT0Value, 400'000);
    f.write(kT0Value, 400'000);
    f.clock.set(62'000'000);  // 15 periods of 4 ms
    f.queue.run_due();
    int taken = 0;
    for (; f.gsi.edge_waits(20); ++taken) {
        f.gsi.take(20);
        f.hpet.interrupt_taken();
    }
    CHECK(taken == 15);
    CHECK(f.gsi.rises[20] == 15);
    CHECK(f.queue.next_deadline_ns() == 64'000'000);
}

TEST_CASE("in legacy replacement the ticks that are owed go where the PIT's went") {
    Fixture f;
    f.isa.holds_edges = true;
    f.write(kConfig, 3);
    f.write(kT0, kEnable | kPeriodic | kValueSet);
    f.write(kT0Value, 400'000);
    f.write(kT0Value, 400'000);
    f.clock.set(9'000'000);
    f.queue.run_due();
    CHECK(f.isa.rises[0] == 1);
    f.isa.take(0);
    f.hpet.interrupt_taken();
    CHECK(f.isa.rises[0] == 2);
    CHECK_FALSE(f.hpet.pit_input().edge_waits());
}

TEST_CASE("32-bit timers wrap with the low half of the counter") {
    Fixture f;
    f.write(kCounter, 0xffff'fff0);
    f.write(kT0, kEnable | k32Bit | route(20));
    f.write(kT0Value, 0x10);
    f.write(kConfig, 1);
    f.to(0x20 * 10 - 1);
    CHECK(f.gsi.rises[20] == 0);
    f.to(0x20 * 10);
    CHECK(f.gsi.rises[20] == 1);
    CHECK(f.queue.next_deadline_ns() == 0x1'0000'0020ull * 10);
}

TEST_CASE("legacy replacement takes IRQ 0 and 8 over and gives them back") {
    Fixture f;
    const IrqLine pit = f.hpet.pit_input(), rtc = f.hpet.rtc_input();
    pit.pulse();
    rtc.set(true);
    CHECK((f.isa.rises[0] == 1 && f.isa.levels[8]));
    f.write(kConfig, 3);
    CHECK_FALSE(f.isa.levels[8]);
    pit.pulse();
    CHECK(f.isa.rises[0] == 1);
    f.write(kT0, kEnable);
    f.write(kT0Value, 100);
    f.write(kT1, kEnable);
    f.write(kT1 + 8, 200);
    f.to(2000);
    CHECK((f.isa.rises[0] == 2 && f.isa.rises[8] == 2));
    f.write(kConfig, 1);
    CHECK(f.isa.levels[8]);
    pit.pulse();
    CHECK(f.isa.rises[0] == 3);
}

TEST_CASE("a hostile period does not occupy the host; odd accesses are refused") {
    Fixture f;
    f.write(kConfig, 1);
    f.write(kT0, kEnable | kPeriodic | kValueSet | route(20));
    f.write(kT0Value, 1);
    f.clock.set(50'000);
    f.queue.run_due();
    CHECK(f.queue.next_deadline_ns() >= 60'000);
    f.write(0x3f8, 1);
    CHECK(f.read(0x3f8) == 0);
    f.hpet.mmio_write(kConfig, 1, 0);
    f.hpet.mmio_write(kConfig + 1, 4, 0);
    CHECK(f.read(kConfig) == 1);
}

TEST_CASE("any sequence of accesses is harmless") {
    Fixture f;
    u32 seed = 3;
    const auto next = [&] { return seed = seed * 1664525 + 1013904223, seed >> 16; };
    for (int i = 0; i < 100'000; ++i) {
        const u64 offset = next() % 2 ? next() % 0x160 & ~7u : kT0 + (next() % 12) * 8;
        const u64 value = next() % 3 ? next() % 512 : u64{next()} << 32 | next();
        f.hpet.mmio_write(offset, next() % 2 ? 4 : 8, value);
        f.read(next() % 0x400);
        f.clock.advance(next() % 5000);
        f.queue.run_due();
        REQUIRE((f.queue.next_deadline_ns() == TimerQueue::kNever || f.queue.next_deadline_ns() > f.clock.now_ns()));
    }
}

TEST_CASE("HPET state survives save and load with its timers armed") {
    Fixture a, b;
    a.write(kConfig, 3);
    a.write(kT0, kEnable | kPeriodic | kValueSet);
    a.write(kT0Value, 5000);
    a.write(kT2, kEnable | kLevel | route(23));
    a.write(kT2 + 8, 10);
    a.to(1000);
    b.clock.set(1000);
    copy_state(a.hpet, b.hpet);
    CHECK(b.queue.next_deadline_ns() == 50'000);
    b.to(50'000);
    CHECK(b.isa.rises[0] == 1);
    b.write(kStatus, 4);
    CHECK(b.gsi.levels.count(23) == 1);
    check_truncations(b.hpet);
}

TEST_CASE("each match of a periodic HPET timer is one interrupt") {
    constexpr u64 kPeriodic32 = 1 << 2 | 1 << 3 | 1 << 6 | 1 << 8;
    for (u64 step = 10; step < 40'000; step += 310) {
        PassingTime f(step);
        Hpet hpet(f.queue, {f.irq.line(0), {}, nullptr, 0}, f.log);
        hpet.mmio_write(0x100, 8, kPeriodic32);
        hpet.mmio_write(0x108, 8, 20'000);
        const u64 start = f.clock.now_ns();
        hpet.mmio_write(0x10, 8, 3);
        INFO("step " << step);
        const bool all = f.wait_for_rises(50, start + 50 * 1'000'000);
        const u64 took = f.clock.now_ns() - start;
        REQUIRE(all);
        CHECK((took > 9 * 1'000'000 && took < 12 * 1'000'000));
    }
}
