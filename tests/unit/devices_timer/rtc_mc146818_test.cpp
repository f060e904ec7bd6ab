#include "devices/timer/rtc_mc146818.h"

#include <catch2/catch.hpp>
#include <cstring>

#include "tests/unit/devices_irq/irq_fakes.h"
#include "tests/unit/devices_timer/passing_time.h"

using namespace twin86;

namespace {
constexpr u64 kSecond = 1'000'000'000;
constexpr i64 kStart = 1'709'247'598;  // 2024-02-29 22:59:58 UTC, a Thursday

struct Fixture {
    Fixture() { clock.set_epoch(kStart * 1'000'000'000); }
    ManualClock clock;
    TimerQueue queue{clock};
    RecordingSink irq;
    struct Rtc : RtcMc146818 {
        explicit Rtc(Fixture& f) : RtcMc146818(f.queue, f.clock, epoch(f), f.irq.line(8)) {}
        static i64 epoch(Fixture& f) { return f.clock.set_epoch(kStart * 1'000'000'000), 0; }
    } rtc{*this};

    u8 read(u8 index) {
        rtc.io_write(0, 1, index);
        return static_cast<u8>(rtc.io_read(1, 1));
    }
    void write(u8 index, u8 value) {
        rtc.io_write(0, 1, index);
        rtc.io_write(1, 1, value);
    }
    void to(u64 ns) {
        while (queue.next_deadline_ns() <= ns) {
            clock.set(std::max(queue.next_deadline_ns(), clock.now_ns()));
            queue.run_due();
        }
        clock.set(ns);
    }
    std::vector<u8> time() { return {read(0x32), read(9), read(8), read(7), read(6), read(4), read(2), read(0)}; }
};
using Time = std::vector<u8>;
}  // namespace

TEST_CASE("calendar conversion round trips and knows leap years") {
    for (i64 day = -30'000; day < 90'000; day += 1) {
        const CalendarTime t = calendar_from_unix(day * 86'400 + 3'661);
        REQUIRE(unix_from_calendar(t) == day * 86'400 + 3'661);
        REQUIRE((t.month >= 1 && t.month <= 12 && t.day >= 1 && t.day <= 31));
    }
    const CalendarTime leap = calendar_from_unix(951'782'400);
    CHECK((leap.year == 2000 && leap.month == 2 && leap.day == 29 && leap.weekday == 3));
    CHECK(calendar_from_unix(-1).second == 59);
}

TEST_CASE("time reads in BCD and binary, 24 and 12 hours") {
    Fixture f;
    CHECK(f.time() == Time{0x20, 0x24, 0x02, 0x29, 0x05, 0x22, 0x59, 0x58});
    f.to(2 * kSecond);
    CHECK(f.time() == Time{0x20, 0x24, 0x02, 0x29, 0x05, 0x23, 0x00, 0x00});
    f.write(11, 0x06);
    CHECK(f.time() == Time{20, 24, 2, 29, 5, 23, 0, 0});
    f.write(11, 0x00);
    CHECK(f.read(4) == 0x91);
    f.to((2 + 3600) * kSecond);
    CHECK(f.read(4) == 0x12);  // midnight
    CHECK((f.read(7) == 0x01 && f.read(8) == 0x03));
}

TEST_CASE("setting the clock as operating systems do") {
    Fixture f;
    const u8 b = f.read(11);
    f.write(11, b | 0x80);
    f.write(10, 0x76);
    const Time set{0x19, 0x99, 0x12, 0x31, 0x06, 0x23, 0x59, 0x59};
    const u8 cells[] = {0x32, 9, 8, 7, 6, 4, 2, 0};
    for (int i = 0; i < 8; ++i) f.write(cells[i], set[i]);
    f.to(10 * kSecond);
    CHECK(f.time() == set);  // stands still
    f.write(11, b);
    f.write(10, 0x26);
    f.to(10 * kSecond + kSecond / 2 - 1);
    CHECK(f.time() == set);
    f.to(10 * kSecond + kSecond / 2);  // half a second after the divider started
    CHECK(f.time() == Time{0x20, 0x00, 0x01, 0x01, 0x07, 0x00, 0x00, 0x00});
}

TEST_CASE("a single register may be set while the clock runs") {
    Fixture f;
    f.to(kSecond / 4);
    f.write(4, 0x05);
    CHECK(f.read(4) == 0x05);
    CHECK(f.read(2) == 0x59);
    f.write(8, 0xff);
    f.write(7, 0x00);
    f.write(9, 0xee);
    for (const u8 v : f.time()) CHECK((v & 0x0f) <= 9);
}

TEST_CASE("UIP announces the update 244 us ahead") {
    Fixture f;
    f.to(kSecond - 244'001);
    CHECK(f.read(10) == 0x26);
    f.to(kSecond - 244'000);
    CHECK(f.read(10) == 0xa6);
    f.to(kSecond);
    CHECK(f.read(10) == 0x26);
    f.write(11, 0x82);
    f.to(2 * kSecond - 1);
    CHECK(f.read(10) == 0x26);
}

TEST_CASE("update-ended interrupt comes with the second, once until register C is read") {
    Fixture f;
    f.read(12);
    f.write(11, 0x12);
    f.to(kSecond - 1);
    CHECK_FALSE(f.irq.levels[8]);
    f.to(kSecond);
    CHECK(f.irq.levels[8]);
    f.to(3 * kSecond);
    CHECK(f.irq.rises[8] == 1);
    CHECK(f.read(12) == 0xd0);  // with the periodic flag, which is not enabled
    CHECK_FALSE(f.irq.levels[8]);
    CHECK(f.read(12) == 0x00);
    f.to(4 * kSecond);
    CHECK(f.irq.rises[8] == 2);
    f.write(11, 0x92);  // SET clears UIE
    CHECK(f.read(11) == 0x82);
    CHECK_FALSE(f.irq.levels[8]);
}

TEST_CASE("flags come without interrupts being enabled") {
    Fixture f;
    f.read(12);
    f.to(kSecond / 2);
    CHECK(f.read(12) == 0x40);
    f.to(kSecond);
    CHECK(f.read(12) == 0x50);
    CHECK(f.irq.rises[8] == 0);
}

TEST_CASE("alarm at a time, and with don't-care cells each minute") {
    Fixture f;
    f.write(5, 0x23), f.write(3, 0x00), f.write(1, 0x02);
    f.read(12);
    f.write(11, 0x22);
    f.to(4 * kSecond - 1);
    CHECK(f.irq.rises[8] == 0);
    f.to(4 * kSecond);
    CHECK(f.irq.rises[8] == 1);
    CHECK((f.read(12) & 0xa0) == 0xa0);
    f.to(5000 * kSecond);
    CHECK(f.irq.rises[8] == 1);
    f.write(5, 0xc0), f.write(3, 0xff);
    f.read(12);
    f.to(5100 * kSecond);
    CHECK(f.irq.rises[8] == 2);
}

TEST_CASE("periodic interrupts are exact and can be counted") {
    Fixture f;
    f.write(10, 0x26);  // 1024 Hz
    f.write(11, 0x42);
    int seen = 0;
    for (u64 ms = 0; ms <= 1000; ++ms) {
        f.to(ms * 1'000'000);
        if ((f.read(12) & 0x40) != 0) ++seen;
    }
    f.to(kSecond);
    CHECK(seen >= 1000);
    CHECK(f.queue.next_deadline_ns() == (1025 * kSecond + 1023) / 1024);
    f.write(10, 0x20);
    f.read(12);
    CHECK(f.queue.next_deadline_ns() == TimerQueue::kNever);
    f.write(10, 0x23);  // 8192 Hz, the fastest
    CHECK(f.queue.next_deadline_ns() - f.clock.now_ns() <= 122'071);
}

TEST_CASE("CMOS cells, index masking and the NMI bit") {
    Fixture f;
    f.rtc.set_cell(0x34, 0xa5);
    CHECK(f.read(0x34) == 0xa5);
    f.write(0x7f, 0x11);
    CHECK(f.read(0xff) == 0x11);
    CHECK(f.rtc.nmi_masked());
    f.read(0);
    CHECK_FALSE(f.rtc.nmi_masked());
    CHECK(f.read(13) == 0x80);
    f.write(13, 0);
    CHECK(f.read(13) == 0x80);
    CHECK(f.rtc.io_read(0, 1) == 0xff);
}

TEST_CASE("reset keeps time and RAM, but no interrupt enables") {
    Fixture f;
    f.write(0x40, 0x77);
    f.write(11, 0x12);
    f.to(kSecond);
    CHECK(f.irq.levels[8]);
    f.rtc.reset(ResetKind::kWarm);
    CHECK_FALSE(f.irq.levels[8]);
    CHECK(f.read(11) == 0x02);
    CHECK(f.read(0x40) == 0x77);
    CHECK(f.read(0) == 0x59);
}

TEST_CASE("RTC state survives save and load with its timer armed") {
    Fixture a, b;
    a.write(4, 0x05);
    a.write(11, 0x12);
    a.to(kSecond / 3);
    b.clock.set(a.clock.now_ns());
    copy_state(a.rtc, b.rtc);
    CHECK(b.queue.next_deadline_ns() == kSecond);
    CHECK(b.time() == a.time());
    check_truncations(b.rtc);
}

TEST_CASE("any sequence of register writes is harmless") {
    Fixture f;
    u32 seed = 7;
    const auto next = [&] { return seed = seed * 1664525 + 1013904223, seed >> 16; };
    for (int i = 0; i < 20'000; ++i) {
        const u8 index = static_cast<u8>(next() % 16 == 15 ? 0x32 : next() % 14);
        next() % 2 ? f.write(index, static_cast<u8>(next())) : static_cast<void>(f.read(index));
        f.clock.advance(u64{next()} * 100'000);
        f.queue.run_due();
        REQUIRE((f.queue.next_deadline_ns() == TimerQueue::kNever || f.queue.next_deadline_ns() > f.clock.now_ns()));
    }
}

TEST_CASE("each periodic interrupt and each second of the RTC is seen") {
    for (const u8 enable : {u8{0x40}, u8{0x10}})
        for (u64 step = 100; step < 40'000; step += 1100) {
            PassingTime f(step);
            RtcMc146818 rtc(f.queue, f.clock, 0, f.irq.line(0));
            const auto cell = [&](u32 index) { rtc.io_write(0, 1, index); };
            cell(0x0b), rtc.io_write(1, 1, 0x02 | enable);
            const u64 period = enable == 0x40 ? 976'563 : 1'000'000'000;
            const int count = enable == 0x40 ? 40 : 3;
            const u64 start = f.clock.now_ns();
            for (int i = 1; i <= count; ++i) {
                INFO("enable " << +enable << " step " << step << " interrupt " << i);
                REQUIRE(f.wait_for_rises(i, start + static_cast<u64>(i) * period + period / 2));
                cell(0x0c), (void)rtc.io_read(1, 1);
            }
        }
}

TEST_CASE("an RTC that was set to any year it can say is loaded; a time that overflows is not") {
    Fixture a, b;
    a.write(11, 0x82);
    a.write(0x32, 0x21);
    a.write(9, 0x99);
    a.write(11, 0x02);
    copy_state(a.rtc, b.rtc);
    CHECK(b.time() == a.time());
    const i64 offset = INT64_MAX - 5;
    std::vector<u8> bytes = saved(a.rtc);
    std::memcpy(&bytes[bytes.size() - 32], &offset, sizeof offset);
    StateArchive archive = StateArchive::loader(bytes);
    b.rtc.visit(archive);
    CHECK(archive.failed());
    CHECK(b.read(9) != 0xff);
}
