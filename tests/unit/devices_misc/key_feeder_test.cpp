#include "devices/input/key_feeder.h"

#include <catch2/catch.hpp>

#include "devices/input/us_layout.h"

using namespace twin86;

namespace {

struct Rig {
    ManualClock clock;
    TimerQueue timers{clock};
    Ps2Keyboard keyboard{timers};
    KeyFeeder feeder{timers, keyboard};

    std::vector<u8> codes() {
        std::vector<u8> all;
        while (keyboard.has_output()) all.push_back(keyboard.take_output());
        return all;
    }
    void advance(u64 ns) {
        clock.advance(ns);
        timers.run_due();
    }
};

}  // namespace

TEST_CASE("key feeder: a chord goes down in order, is held, and comes up in reverse") {
    Rig r;
    const Key keys[] = {*find_key("ctrl"), *find_key("c")};
    REQUIRE(r.feeder.press_together(keys, 100 * KeyFeeder::kMillisecond));
    CHECK(r.codes() == std::vector<u8>{0x14});
    r.advance(KeyFeeder::kStrokeNs);
    CHECK(r.codes() == std::vector<u8>{0x21});
    r.advance(99 * KeyFeeder::kMillisecond);
    CHECK(r.codes().empty());
    r.advance(KeyFeeder::kMillisecond);
    CHECK(r.codes() == std::vector<u8>{0xf0, 0x21});
    r.advance(KeyFeeder::kStrokeNs);
    CHECK(r.codes() == std::vector<u8>{0xf0, 0x14});
    r.advance(KeyFeeder::kStrokeNs);
    CHECK(r.timers.next_deadline_ns() == TimerQueue::kNever);
}

TEST_CASE("key feeder: waits for a guest that does not read, but not for ever; takes so many keys and no more") {
    Rig r;
    const Key keys[] = {*find_key("a")};
    r.feeder.press_together(keys, KeyFeeder::kStrokeNs);
    for (int i = 0; i < 40; ++i) r.advance(KeyFeeder::kStrokeNs);
    CHECK(r.codes() == std::vector<u8>{0x1c});
    r.advance(KeyFeeder::kStrokeNs);
    CHECK(r.codes() == std::vector<u8>{0xf0, 0x1c});
    unsigned taken = 0;
    while (r.feeder.press_together(keys, 1)) ++taken;
    CHECK(taken > 1000);
    for (int i = 0; i < 1000; ++i) r.advance(KeyFeeder::kStrokeNs);
    CHECK(r.codes().size() > 3);  // went on without a reader
    r.feeder.clear();
    CHECK(r.timers.next_deadline_ns() == TimerQueue::kNever);
}

TEST_CASE("us layout: every printable character has its key") {
    for (char c = ' '; c < 0x7f; ++c) {
        INFO(c);
        CHECK(us_key_stroke(static_cast<unsigned char>(c)));
    }
    CHECK(us_key_stroke('A')->shift);
    CHECK(us_key_stroke('A')->key == *find_key("a"));
    CHECK(us_key_stroke('\n')->key == *find_key("ret"));
    CHECK(us_key_stroke('|')->key == *find_key("backslash"));
    CHECK_FALSE(us_key_stroke(0xe4));
}
