#include "devices/timer/pit_8254.h"

#include <catch2/catch.hpp>
#include <utility>

#include "devices/timer/port61.h"
#include "tests/unit/devices_irq/irq_fakes.h"
#include "tests/unit/devices_timer/passing_time.h"

using namespace twin86;

namespace {
struct Fixture {
    ManualClock clock;
    TimerQueue queue{clock};
    RecordingSink irq;
    Pit8254 pit{queue, irq.line(0)};
    Port61 port61{pit};

    void control(u8 value) { pit.io_write(3, 1, value); }
    void write(u16 counter, u32 value) {
        pit.io_write(counter, 1, value & 0xff);
        pit.io_write(counter, 1, value >> 8 & 0xff);
    }
    u32 read(u16 counter) {
        const u32 low = pit.io_read(counter, 1);
        return low | pit.io_read(counter, 1) << 8;
    }
    u32 latched(u16 counter) {
        control(static_cast<u8>(counter << 6));
        return read(counter);
    }
    u8 status(u16 counter) {
        control(static_cast<u8>(0xe0 | 2 << counter));
        return static_cast<u8>(pit.io_read(counter, 1));
    }
    bool out(u16 counter) { return (status(counter) & 0x80) != 0; }
    void to_tick(i64 tick) {
        clock.set(Pit8254::ns_at(tick));
        queue.run_due();
    }
    /// Passes every deadline up to the tick in turn, as an unloaded host would.
    void step_to(i64 tick) {
        const u64 end = Pit8254::ns_at(tick);
        while (queue.next_deadline_ns() <= end) {
            clock.set(std::max(queue.next_deadline_ns(), clock.now_ns()));
            queue.run_due();
        }
        clock.set(end);
    }
    int rises() { return irq.rises[0]; }
};
}  // namespace

TEST_CASE("port 0x61 shows what was when the processor went away, once") {
    constexpr u64 kMs = 1'000'000;
    Fixture f;
    u64 absent = 0;
    Port61 port(f.pit, [&] { return std::exchange(absent, 0); });
    const auto out2 = [&](u64 ms, u64 absent_ms) {
        f.clock.set(ms * kMs);
        absent = absent_ms * kMs;
        return (port.io_read(0, 1) & 0x20) != 0;
    };
    port.io_write(0, 1, 1);
    f.control(0xb0);
    f.write(2, 11932);  // 10 ms
    CHECK_FALSE(out2(9, 0));
    CHECK_FALSE(out2(20, 11));  // gone at 9
    CHECK(out2(20, 0));
    CHECK(out2(40, 35));  // not before what was seen
    f.control(0xb0);
    f.write(2, 11932);
    CHECK_FALSE(out2(41, 0));
    CHECK(out2(60, 5));  // gone long after the rise
    f.control(0xb0);
    f.write(2, 11932);
    CHECK_FALSE(out2(61, 0));
    absent = 1000;
    f.clock.set(80 * kMs);
    CHECK((port.io_read(0, 1) & 0x20) != 0);  // too short for an absence
}

TEST_CASE("ticks and nanoseconds convert without drift") {
    for (const i64 tick : {1ll, 2ll, 1193182ll, 1193182ll * 86400 * 365 + 1}) {
        CHECK(Pit8254::tick_at(Pit8254::ns_at(tick)) == tick);
        CHECK(Pit8254::tick_at(Pit8254::ns_at(tick) - 1) == tick - 1);
    }
}

TEST_CASE("mode 2 raises IRQ 0 each period, exactly, over a day") {
    Fixture f;
    f.control(0x34);
    const int at_start = f.rises();
    f.write(0, 11932);
    f.step_to(1 + 11932 * 100);
    CHECK(f.rises() - at_start == 100);
    const i64 periods = 86400ll * 100;
    f.to_tick(1 + 11932 * periods);
    CHECK(f.queue.next_deadline_ns() == Pit8254::ns_at(1 + 11932 * (periods + 1)));
}

TEST_CASE("mode 2: OUT is low for the last tick, counting from n to 1") {
    Fixture f;
    f.control(0x34);
    f.write(0, 4);
    const bool expected[] = {true, true, true, false, true, true, true, false};
    const u32 counts[] = {4, 3, 2, 1, 4, 3, 2, 1};
    for (int i = 0; i < 8; ++i) {
        f.to_tick(1 + i);
        CHECK(f.out(0) == expected[i]);
        CHECK(f.latched(0) == counts[i]);
    }
}

TEST_CASE("mode 2: a new count waits for the end of the period") {
    Fixture f;
    f.control(0x34);
    f.write(0, 1000);
    f.to_tick(501);
    f.write(0, 100);
    CHECK((f.status(0) & 0x40) != 0);  // null count
    CHECK(f.latched(0) == 500);
    const int before = f.rises();
    f.step_to(1000);
    CHECK(f.rises() == before);
    f.step_to(1001);
    CHECK(f.rises() == before + 1);
    CHECK((f.status(0) & 0x40) == 0);
    f.step_to(1101);
    CHECK(f.rises() == before + 2);
}

TEST_CASE("mode 3: square wave, even and odd, counting by two") {
    for (const int n : {8, 7}) {
        Fixture f;
        f.control(0x36);
        f.write(0, n);
        for (int i = 0; i < 3 * n; ++i) {
            f.to_tick(1 + i);
            CHECK(f.out(0) == (i % n < (n + 1) / 2));
        }
    }
    Fixture f;
    f.control(0x36);
    f.write(0, 1000);
    f.to_tick(1 + 100);
    CHECK(f.latched(0) == 800);
    f.to_tick(1 + 600);
    CHECK(f.latched(0) == 800);
    const int before = f.rises();
    f.step_to(1 + 5000);
    CHECK(f.rises() == before + 5);
}

TEST_CASE("mode 3: a new count takes over at the half-cycle") {
    Fixture f;
    f.control(0x36);
    f.write(0, 1000);
    f.to_tick(101);
    f.write(0, 100);
    f.to_tick(500);
    CHECK(f.out(0));
    f.to_tick(501);
    CHECK_FALSE(f.out(0));
    const int before = f.rises();
    f.step_to(550);
    CHECK(f.rises() == before);
    f.step_to(551);
    CHECK((f.out(0) && f.rises() == before + 1));
}

TEST_CASE("mode 0: one rise at terminal count, then the counter wraps") {
    Fixture f;
    f.control(0x30);
    f.write(0, 1000);
    CHECK_FALSE(f.irq.levels[0]);
    f.step_to(1000);
    CHECK(f.rises() == 0);
    f.step_to(1001);
    CHECK((f.rises() == 1 && f.irq.levels[0]));
    f.to_tick(1003);
    CHECK(f.latched(0) == 0xfffe);
    CHECK(f.queue.next_deadline_ns() == TimerQueue::kNever);
    f.pit.io_write(0, 1, 5);  // the first byte takes OUT down and stops
    CHECK_FALSE(f.irq.levels[0]);
    f.to_tick(5000);
    CHECK(f.rises() == 1);
    f.pit.io_write(0, 1, 0);
    f.step_to(5006);
    CHECK(f.rises() == 2);
}

TEST_CASE("mode 0 on counter 2 pauses with the gate") {
    Fixture f;
    f.control(0xb0);
    f.write(2, 1000);
    f.to_tick(5000);
    CHECK_FALSE(f.pit.output2());
    f.port61.io_write(0, 1, 1);
    f.to_tick(5400);
    f.port61.io_write(0, 1, 0);
    f.to_tick(9000);
    CHECK(f.latched(2) == 600);
    f.port61.io_write(0, 1, 1);
    f.to_tick(9599);
    CHECK_FALSE(f.pit.output2());
    f.to_tick(9600);
    CHECK(f.pit.output2());
}

TEST_CASE("mode 1: retriggerable one-shot") {
    Fixture f;
    f.control(0xb2);
    f.write(2, 100);
    CHECK(f.pit.output2());
    f.port61.io_write(0, 1, 1);
    f.to_tick(50);
    CHECK_FALSE(f.pit.output2());
    f.port61.io_write(0, 1, 0);
    f.port61.io_write(0, 1, 1);  // again
    f.to_tick(150);
    CHECK_FALSE(f.pit.output2());
    f.to_tick(151);
    CHECK(f.pit.output2());
}

TEST_CASE("modes 4 and 5: a strobe of one tick") {
    Fixture f;
    f.control(0x38);
    f.write(0, 10);
    f.to_tick(10);
    CHECK(f.out(0));
    f.to_tick(11);
    CHECK_FALSE(f.out(0));
    const int before = f.rises();
    f.to_tick(12);
    CHECK((f.out(0) && f.rises() == before + 1));

    f.control(0xba);
    f.write(2, 10);
    f.to_tick(100);
    CHECK(f.pit.output2());
    f.port61.io_write(0, 1, 1);
    f.to_tick(111);
    CHECK_FALSE(f.pit.output2());
    f.to_tick(112);
    CHECK(f.pit.output2());
}

TEST_CASE("the classic calibration loop over port 0x61 sees the exact time, however it is interrupted") {
    Fixture f;
    f.port61.io_write(0, 1, 1);
    f.control(0xb0);
    f.write(2, 59659);  // 50 ms
    const u64 end = Pit8254::ns_at(59660);
    f.clock.set(end - 1);
    CHECK((f.port61.io_read(0, 1) & 0x20) == 0);
    f.clock.set(end + 40'000'000);  // preempted: still high
    CHECK((f.port61.io_read(0, 1) & 0x20) != 0);
    CHECK((f.port61.io_read(0, 1) & 0x0f) == 1);
    const u32 refresh = f.port61.io_read(0, 1) & 0x10;
    f.clock.advance(15'086);
    CHECK((f.port61.io_read(0, 1) & 0x10) != refresh);
}

TEST_CASE("BCD counts in decimal") {
    Fixture f;
    f.control(0x35);
    f.write(0, 0x1000);
    f.to_tick(2);
    CHECK(f.latched(0) == 0x0999);
    f.control(0x31);
    f.write(0, 0);
    f.to_tick(4);
    CHECK(f.latched(0) == 0x9999);
    f.control(0x31);
    f.write(0, 0xffff);  // not decimal: any value, but no harm
    f.latched(0);
}

TEST_CASE("latches hold until they are read; read-back latches status before count") {
    Fixture f;
    f.control(0x34);
    f.write(0, 1000);
    f.to_tick(101);
    f.control(0x00);
    f.to_tick(201);
    f.control(0x00);
    CHECK(f.read(0) == 900);
    CHECK(f.read(0) == 800);
    f.control(0xc2);  // status and count of counter 0
    f.to_tick(301);
    CHECK(f.pit.io_read(0, 1) == 0xb4);
    CHECK(f.read(0) == 800);
    f.control(0x14);  // low byte only
    f.pit.io_write(0, 1, 200);
    f.to_tick(302 + 50);
    CHECK(f.pit.io_read(0, 1) == 150);
    CHECK(f.pit.io_read(0, 1) == 150);
    f.control(0x24);  // high byte only
    f.pit.io_write(0, 1, 0x10);
    f.to_tick(353 + 0x100);
    CHECK(f.pit.io_read(0, 1) == 0x0f);
    CHECK(f.pit.io_read(3, 1) == 0xff);
}

TEST_CASE("a late host delivers the edges that passed, each when the one before was taken") {
    for (const u8 mode : {0x34, 0x36}) {
        Fixture f;
        f.irq.holds_edges = true;
        f.control(mode);
        f.write(0, 1000);
        f.irq.take(0);
        const int before = f.rises();
        f.to_tick(5500);
        CHECK(f.rises() == before + 1);
        for (int taken = 1; taken <= 5; ++taken) {
            CHECK(f.rises() == before + taken);
            f.irq.take(0);
            f.pit.interrupt_taken();
        }
        CHECK(f.rises() == before + 5);
        CHECK(f.queue.next_deadline_ns() == Pit8254::ns_at(6001));
        f.to_tick(6001);
        CHECK(f.rises() == before + 6);
    }
}

TEST_CASE("ticks that nobody took are forgotten with the mode that made them") {
    Fixture f;
    f.irq.holds_edges = true;
    f.control(0x34);
    f.write(0, 1000);
    f.to_tick(5500);
    f.control(0x34);
    const int before = f.rises();
    f.irq.take(0);
    f.pit.interrupt_taken();
    CHECK(f.rises() == before);
}

TEST_CASE("a hostile period does not occupy the host") {
    Fixture f;
    f.control(0x34);
    f.write(0, 1);
    f.to_tick(10000);
    CHECK(f.queue.next_deadline_ns() >= Pit8254::ns_at(10000) + 10'000);
}

TEST_CASE("any sequence of bytes is harmless") {
    Fixture f;
    u32 seed = 1;
    const auto next = [&] { return seed = seed * 1664525 + 1013904223, seed >> 16; };
    for (int i = 0; i < 200'000; ++i) {
        const u32 what = next() % 12;
        if (what < 8)
            f.pit.io_write(static_cast<u16>(what & 3), 1, next() & 0xff);
        else if (what < 10)
            f.pit.io_read(static_cast<u16>(next() & 3), 1);
        else if (what == 10)
            f.port61.io_write(0, 1, next() & 0xff);
        else
            f.clock.advance(next());
        f.queue.run_due();
        REQUIRE((f.queue.next_deadline_ns() == TimerQueue::kNever || f.queue.next_deadline_ns() > f.clock.now_ns()));
    }
}

TEST_CASE("PIT and port 61 state survives save and load with the edge re-armed") {
    Fixture a, b;
    a.control(0x36);
    a.write(0, 10000);
    a.port61.io_write(0, 1, 3);
    a.control(0xb0);
    a.write(2, 500);
    a.to_tick(3000);
    a.control(0xc2);
    b.clock.set(a.clock.now_ns());
    copy_state(a.pit, b.pit);
    copy_state(a.port61, b.port61);
    b.queue.run_due();
    CHECK(b.queue.next_deadline_ns() == a.queue.next_deadline_ns());
    CHECK(b.pit.io_read(0, 1) == a.pit.io_read(0, 1));
    CHECK(b.port61.io_read(0, 1) == a.port61.io_read(0, 1));
    CHECK(b.port61.speaker_on());
    check_truncations(b.pit);
}

TEST_CASE("a PIT one-shot interrupts, wherever its end falls") {
    for (u64 step = 100; step < 40'000; step += 700) {
        PassingTime f(step);
        Pit8254 pit(f.queue, f.irq.line(0));
        for (int i = 1; i <= 20; ++i) {
            pit.io_write(3, 1, 0x30);
            pit.io_write(0, 1, 40);
            pit.io_write(0, 1, 0);
            INFO("step " << step << " shot " << i);
            REQUIRE(f.wait_for_rises(i, f.clock.now_ns() + 10 * 1'000'000));
        }
    }
}

TEST_CASE("each period of a PIT rate generator and of a square wave is one interrupt") {
    for (const u32 mode : {0x34u, 0x36u})
        for (u64 step = 100; step < 40'000; step += 700) {
            PassingTime f(step);
            Pit8254 pit(f.queue, f.irq.line(0));
            pit.io_write(3, 1, mode);
            const u64 start = f.clock.now_ns();
            pit.io_write(0, 1, 1193 & 0xff);
            pit.io_write(0, 1, 1193 >> 8);
            INFO("mode " << mode << " step " << step);
            const bool all = f.wait_for_rises(50, start + 60 * 1'000'000);  // the control word makes the first
            const u64 took = f.clock.now_ns() - start;
            REQUIRE(all);
            CHECK((took > 48 * 1'000'000 && took < 51 * 1'000'000 + 20 * step));
        }
}
