#include "devices/input/i8042.h"
#include "tests/lib/state_copy.h"

#include <random>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

struct FakeIrq : IrqSink {
    void set_level(unsigned, bool l) override {
        if (l && !level) ++edges;
        level = l;
    }
    bool level = false;
    int edges = 0;
};

using Bytes = std::vector<u8>;

struct Rig {
    FakeIrq irq1, irq12;
    bool a20 = false;
    int resets = 0;
    Log log;
    ManualClock clock;
    TimerQueue timers{clock};
    I8042 chip{{IrqLine(irq1, 1), IrqLine(irq12, 12), [this](bool on) { a20 = on; }, [this] { ++resets; }}, timers, log};

    u8 status() { return static_cast<u8>(chip.command_port().io_read(0, 1)); }
    u8 data() { return static_cast<u8>(chip.data_port().io_read(0, 1)); }
    void command(u8 c) { chip.command_port().io_write(0, 1, c); }
    void write(u8 v) { chip.data_port().io_write(0, 1, v); }
    u8 ask(u8 c) {
        command(c);
        REQUIRE((status() & 0x01));
        return data();
    }
    void set_config(u8 v) {
        command(0x60);
        write(v);
    }
    /// Everything that port 0x60 has; all bytes must come from the port that is asked for.
    Bytes drain(bool auxiliary = false) {
        Bytes bytes;
        while (status() & 0x01) {
            CHECK(((status() & 0x20) != 0) == auxiliary);
            bytes.push_back(data());
            REQUIRE(bytes.size() < 1000);
        }
        return bytes;
    }
    Bytes keyboard(std::initializer_list<u8> bytes) {
        for (const u8 b : bytes) write(b);
        return drain();
    }
    Bytes mouse(std::initializer_list<u8> bytes) {
        Bytes all;
        for (const u8 b : bytes) {
            command(0xd4);
            write(b);
            for (const u8 answer : drain(true)) all.push_back(answer);
        }
        return all;
    }
    void advance_ms(u64 ms) {
        clock.advance(ms * 1'000'000);
        timers.run_due();
    }
    void key(std::string_view name, bool down) { chip.keyboard().press(find_key(name).value(), down); }
    Bytes tap(std::string_view name) {
        key(name, true);
        key(name, false);
        return drain();
    }
};

}  // namespace

TEST_CASE("an idle controller is quiet") {
    Rig r;
    CHECK((r.status() & 0x01) == 0);
    CHECK_FALSE(r.irq1.level);
    CHECK_FALSE(r.irq12.level);
    CHECK(r.a20);
}

TEST_CASE("self test, port tests and the configuration byte") {
    Rig r;
    CHECK((r.status() & 0x04) == 0);
    CHECK(r.ask(0xaa) == 0x55);
    CHECK((r.status() & 0x04) != 0);
    CHECK(r.ask(0xab) == 0);
    CHECK(r.ask(0xa9) == 0);
    r.set_config(0x65);
    CHECK(r.ask(0x20) == 0x65);
    r.command(0xa7);
    CHECK((r.ask(0x20) & 0x20) != 0);
    r.command(0xa8);
    CHECK((r.ask(0x20) & 0x20) == 0);
    r.command(0xad);
    CHECK((r.ask(0x20) & 0x10) != 0);
    r.command(0xae);
    CHECK((r.ask(0x20) & 0x10) == 0);
    r.command(0x65);
    r.write(0xab);
    CHECK(r.ask(0x25) == 0xab);
}

TEST_CASE("Linux' search for the mouse port succeeds") {
    Rig r;
    r.set_config(0x47);
    const int edges = r.irq12.edges;
    r.command(0xd3);
    r.write(0xa5);
    CHECK(r.irq12.edges == edges + 1);
    CHECK((r.status() & 0x21) == 0x21);
    CHECK(r.data() == 0xa5);
    CHECK_FALSE(r.irq12.level);
    // The multiplexer probe must find a plain echo.
    for (const u8 probe : {0xf0, 0x56, 0xa4}) {
        r.command(0xd3);
        r.write(probe);
        CHECK(r.data() == probe);
    }
}

TEST_CASE("A20 and reset through the output port and its pulse commands") {
    Rig r;
    r.command(0xd1);
    r.write(0xdd);
    CHECK_FALSE(r.a20);
    CHECK((r.ask(0xd0) & 0x02) == 0);
    r.command(0xdf);
    CHECK(r.a20);
    CHECK(r.resets == 0);
    r.command(0xff);
    CHECK(r.resets == 0);
    r.command(0xfe);
    CHECK(r.resets == 1);
    r.command(0xd1);
    r.write(0xfe);
    CHECK(r.resets == 2);
}

TEST_CASE("keyboard commands that a driver sends at start") {
    Rig r;
    CHECK(r.keyboard({0xff}) == Bytes{0xfa, 0xaa});
    CHECK(r.keyboard({0xf2}) == Bytes{0xfa, 0xab, 0x41});  // 0x83 translated
    CHECK(r.keyboard({0xed}) == Bytes{0xfa});
    CHECK(r.keyboard({0x07}) == Bytes{0xfa});
    CHECK(r.chip.keyboard().leds() == 7);
    CHECK(r.keyboard({0xf3}) == Bytes{0xfa});
    CHECK(r.keyboard({0x00}) == Bytes{0xfa});
    CHECK(r.keyboard({0xf4}) == Bytes{0xfa});
    CHECK(r.keyboard({0xee}) == Bytes{0xee});
    CHECK(r.keyboard({0xfe}) == Bytes{0xee});
    CHECK(r.keyboard({0x12}) == Bytes{0xfe});
    CHECK(r.keyboard({0xed}) == Bytes{0xfa});
    CHECK(r.keyboard({0xf4}) == Bytes{0xfa});  // a command instead of the argument
    CHECK(r.chip.keyboard().leds() == 7);
}

TEST_CASE("keys in set 1 by translation, by the keyboard itself, in set 2 and in set 3") {
    Rig r;
    CHECK(r.tap("a") == Bytes{0x1e, 0x9e});
    CHECK(r.tap("f7") == Bytes{0x41, 0xc1});
    CHECK(r.tap("up") == Bytes{0xe0, 0x48, 0xe0, 0xc8});
    CHECK(r.tap("pause") == Bytes{0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5});
    CHECK(r.tap("print") == Bytes{0xe0, 0x2a, 0xe0, 0x37, 0xe0, 0xb7, 0xe0, 0xaa});
    r.set_config(0x03);
    CHECK(r.tap("a") == Bytes{0x1c, 0xf0, 0x1c});
    CHECK(r.tap("ctrl_r") == Bytes{0xe0, 0x14, 0xe0, 0xf0, 0x14});
    CHECK(r.keyboard({0xf0, 0x01}) == Bytes{0xfa, 0xfa});
    CHECK(r.tap("delete") == Bytes{0xe0, 0x53, 0xe0, 0xd3});
    CHECK(r.keyboard({0xf0, 0x03}) == Bytes{0xfa, 0xfa});
    CHECK(r.tap("ctrl_r") == Bytes{0x58, 0xf0, 0x58});
    r.keyboard({0xfd});
    r.keyboard({0x58});
    r.keyboard({0x1c});
    CHECK(r.tap("ctrl_r") == Bytes{0x58});
    CHECK(r.tap("a") == Bytes{0x1c});
    r.keyboard({0xf8});
    CHECK(r.tap("a") == Bytes{0x1c, 0xf0, 0x1c});
    r.keyboard({0xf0});
    CHECK(r.keyboard({0x00}) == Bytes{0xfa, 0x03});
}

TEST_CASE("each byte is an interrupt edge, and a closed port keeps them") {
    Rig r;
    const int edges = r.irq1.edges;
    r.key("up", true);
    CHECK(r.irq1.edges == edges + 1);
    CHECK(r.data() == 0xe0);
    CHECK(r.irq1.edges == edges + 2);
    CHECK(r.data() == 0x48);
    CHECK_FALSE(r.irq1.level);
    r.command(0xad);
    r.key("a", true);
    CHECK((r.status() & 1) == 0);
    r.command(0xae);
    CHECK(r.drain() == Bytes{0x1e});
    r.set_config(0x40);
    r.key("b", true);
    CHECK_FALSE(r.irq1.level);
    CHECK((r.status() & 1) == 1);
}

TEST_CASE("a key goes down once and is not released twice") {
    Rig r;
    r.key("a", false);
    r.key("a", true);
    r.key("a", true);
    r.key("a", false);
    r.key("a", false);
    CHECK(r.drain() == Bytes{0x1e, 0x9e});
    CHECK(r.keyboard({0xf5}) == Bytes{0xfa});
    CHECK(r.tap("a").empty());
    r.chip.keyboard().press(255, true);
}

TEST_CASE("an unread keyboard sends one overrun code and works again afterwards") {
    Rig r;
    r.set_config(0x03);
    for (int i = 0; i < 1000; ++i) r.key("a", i % 2 == 0);
    const Bytes bytes = r.drain();
    CHECK(bytes.size() < 200);
    CHECK(bytes.back() == 0x00);
    CHECK(r.tap("b") == Bytes{0x32, 0xf0, 0x32});
    for (int i = 0; i < 1000; ++i) r.key("a", i % 2 == 0);
    r.keyboard({0xf4});
    CHECK(r.tap("b") == Bytes{0x32, 0xf0, 0x32});
}

TEST_CASE("key names are unique and their codes differ") {
    std::set<std::string_view> names;
    std::set<u16> codes;
    for (const KeyInfo& key : key_table()) {
        CHECK(names.insert(key.name).second);
        CHECK(codes.insert(key.set2).second);
    }
    CHECK(find_key("spc"));
    CHECK(find_key("asterisk") == find_key("kp_multiply"));
    CHECK_FALSE(find_key("no_such_key"));
    CHECK(key_table().size() <= 128);
}

TEST_CASE("the mouse resets, identifies and becomes a wheel mouse") {
    Rig r;
    CHECK(r.mouse({0xff}) == Bytes{0xfa, 0xaa, 0x00});
    CHECK(r.mouse({0xf2}) == Bytes{0xfa, 0x00});
    r.mouse({0xf3, 200, 0xf3, 100, 0xf3, 80});
    CHECK(r.mouse({0xf2}) == Bytes{0xfa, 0x03});
    r.mouse({0xf3, 200, 0xf3, 200, 0xf3, 80});
    CHECK(r.mouse({0xf2}) == Bytes{0xfa, 0x04});
    r.mouse({0xf3, 60, 0xe8, 3, 0xe7, 0xf4});
    CHECK(r.mouse({0xe9}) == Bytes{0xfa, 0x30, 3, 60});
    CHECK(r.mouse({0xe8, 9}) == Bytes{0xfa, 0xfe});
    CHECK(r.mouse({0x01}) == Bytes{0xfe});
    r.mouse({0xf6});
    CHECK(r.mouse({0xe9}) == Bytes{0xfa, 0x00, 2, 100});
}

TEST_CASE("mouse movement, wheel and buttons arrive as packets") {
    Rig r;
    r.chip.mouse().move(5, 5);
    CHECK((r.status() & 1) == 0);  // reporting is off
    r.mouse({0xff});
    r.mouse({0xf4});
    r.chip.mouse().move(3, 2);
    CHECK(r.drain(true) == Bytes{0x28, 3, 0xfe});
    r.chip.mouse().set_buttons(Ps2Mouse::kLeft);
    r.chip.mouse().set_buttons(0);
    CHECK(r.drain(true) == Bytes{0x09, 0, 0, 0x08, 0, 0});
    r.chip.mouse().move(300, 0);
    CHECK(r.drain(true) == Bytes{0x08, 255, 0, 0x08, 45, 0});
    r.mouse({0xf3, 200, 0xf3, 100, 0xf3, 80});
    r.chip.mouse().move(0, 0, -1);
    CHECK(r.drain(true) == Bytes{0x08, 0, 0, 0xff});
    r.mouse({0xf3, 200, 0xf3, 200, 0xf3, 80});
    r.chip.mouse().set_buttons(Ps2Mouse::kFifth);
    CHECK(r.drain(true) == Bytes{0x08, 0, 0, 0x20});
    CHECK(r.irq12.edges > 10);
}

TEST_CASE("movement that nobody reads adds up in one packet") {
    Rig r;
    r.mouse({0xf4});
    for (int i = 0; i < 10'000; ++i) r.chip.mouse().move(1, 0);
    const Bytes bytes = r.drain(true);
    CHECK(bytes.size() <= 3 * 20);
    CHECK(bytes[1] == 1);
    CHECK(bytes[4] == 255);
}

TEST_CASE("remote mode answers on request, wrap mode echoes") {
    Rig r;
    r.mouse({0xf0});
    r.chip.mouse().move(1, -1);
    CHECK((r.status() & 1) == 0);
    CHECK(r.mouse({0xeb}) == Bytes{0xfa, 0x08, 1, 1});
    r.mouse({0xee});
    CHECK(r.mouse({0xf4, 0x42}) == Bytes{0xf4, 0x42});
    CHECK(r.mouse({0xec}) == Bytes{0xfa});
    CHECK((r.mouse({0xe9})[1] & 0x40) != 0);
}

TEST_CASE("the answer of the controller goes before waiting keys") {
    Rig r;
    r.key("a", true);
    r.key("a", false);
    r.command(0x20);
    CHECK(r.data() == 0x1e);
    CHECK(r.data() == 0x43);
    CHECK(r.data() == 0x9e);
}

TEST_CASE("i8042: save, load, save is byte-equal") {
    Rig a, b;
    a.set_config(0x47);
    a.mouse({0xf3, 200, 0xf3, 100, 0xf3, 80, 0xf4});
    a.write(0xed);
    a.key("ctrl", true);
    a.key("c", true);
    a.chip.mouse().move(10, 10, 1);
    a.command(0xd1);
    a.write(0xdd);
    a.command(0xd4);
    copy_state(a.chip, b.chip);
    CHECK_FALSE(b.a20);
    CHECK(b.irq1.level);
    b.write(0xf2);  // the argument of 0xd4 goes to the mouse
    Bytes all;
    while (b.status() & 1) all.push_back(b.data());
    CHECK(std::find(all.begin(), all.end(), 0x03) != all.end());
    a.chip.reset(ResetKind::kWarm);
    CHECK(a.a20);
    CHECK((a.status() & 1) == 0);
}

TEST_CASE("random port writes and hostile saved states do no harm") {
    Rig r;
    std::mt19937 random(7);
    const auto storm = [&](int n) {
        for (int i = 0; i < n; ++i) {
            switch (random() % 6) {
                case 0: r.command(static_cast<u8>(random())); break;
                case 1: r.write(static_cast<u8>(random())); break;
                case 2: r.data(); break;
                case 3: r.chip.keyboard().press(static_cast<Key>(random()), random() & 1); break;
                case 4: r.chip.mouse().move(static_cast<int>(random()), static_cast<int>(random()), static_cast<int>(random())); break;
                default: r.chip.mouse().set_buttons(static_cast<u8>(random()));
            }
        }
    };
    storm(200'000);
    for (int i = 0; i < 2000; ++i) {
        StateArchive saved = StateArchive::saver();
        r.chip.visit(saved);
        Bytes bytes = saved.bytes();
        for (int n = 0; n < 4; ++n) bytes[random() % bytes.size()] = static_cast<u8>(random() % 4);
        StateArchive load = StateArchive::loader(bytes);
        r.chip.visit(load);
        storm(20);
    }
    r.chip.reset(ResetKind::kPowerOn);
    CHECK(r.tap("a") == Bytes{0x1e, 0x9e});
}

TEST_CASE("typematic: the last key that went down repeats, as often as the guest says") {
    Rig r;
    r.key("shift", true);
    r.key("a", true);
    CHECK(r.drain() == Bytes{0x2a, 0x1e});
    r.advance_ms(499);
    CHECK(r.drain().empty());
    r.advance_ms(1);  // the default: 500 ms, then 10.9 a second
    CHECK(r.drain() == Bytes{0x1e});
    r.advance_ms(91);
    CHECK(r.drain().empty());
    r.advance_ms(1);
    CHECK(r.drain() == Bytes{0x1e});
    r.key("shift", false);  // not the key that repeats
    CHECK(r.drain() == Bytes{0xaa});
    r.advance_ms(92);
    CHECK(r.drain() == Bytes{0x1e});
    r.key("a", false);
    r.drain();
    r.advance_ms(5000);
    CHECK(r.drain().empty());

    CHECK(r.keyboard({0xf3, 0x00}) == Bytes{0xfa, 0xfa});  // 250 ms, 30 a second
    r.key("b", true);
    r.drain();
    r.advance_ms(250);
    CHECK(r.drain() == Bytes{0x30});
    r.advance_ms(34);
    CHECK(r.drain() == Bytes{0x30});
    CHECK(r.keyboard({0xf5}) == Bytes{0xfa});  // no scanning
    r.advance_ms(1000);
    CHECK(r.drain().empty());
    CHECK(r.timers.next_deadline_ns() == TimerQueue::kNever);
}

TEST_CASE("typematic: pause does not repeat, an unread keyboard does not overrun, state goes on after a load") {
    Rig r, s;
    r.key("pause", true);
    r.drain();
    r.advance_ms(2000);
    CHECK(r.drain().empty());
    r.key("x", true);
    for (int i = 0; i < 500; ++i) r.advance_ms(100);
    const Bytes bytes = r.drain();
    CHECK(bytes.size() < 32);
    CHECK(bytes.back() == 0x2d);
    StateArchive saved = StateArchive::saver();
    r.chip.visit(saved);
    StateArchive load = StateArchive::loader(saved.bytes());
    s.clock.set(r.clock.now_ns());
    s.chip.visit(load);
    s.advance_ms(1000);
    CHECK(s.drain().size() == 1);
}

TEST_CASE("scan code set 3: which keys repeat and which send breaks is the guest's choice") {
    Rig r;
    r.set_config(0x03);
    CHECK(r.keyboard({0xf0, 3}) == Bytes{0xfa, 0xfa});
    const auto held = [&](std::string_view name) {
        r.key(name, true);
        r.advance_ms(600);
        r.key(name, false);
        return r.drain();
    };
    CHECK(held("a") == Bytes{0x1c, 0x1c, 0xf0, 0x1c});
    r.keyboard({0xf8});
    CHECK(held("a") == Bytes{0x1c, 0xf0, 0x1c});
    r.keyboard({0xf9});
    CHECK(held("a") == Bytes{0x1c});
    r.keyboard({0xf7});
    CHECK(held("a") == Bytes{0x1c, 0x1c});
    CHECK(r.keyboard({0xfd, 0x1c}) == Bytes{0xfa, 0xfa});  // make only
    CHECK(held("a") == Bytes{0x1c});
    r.keyboard({0xfa});
    CHECK(held("a") == Bytes{0x1c, 0x1c, 0xf0, 0x1c});
    r.keyboard({0xfc, 0x1c, 0xf4});
    CHECK(held("a") == Bytes{0x1c, 0xf0, 0x1c});
}

TEST_CASE("polling the input port shows it in the status until the next command") {
    Rig r;
    r.command(0xc2);
    CHECK((r.status() & 0xf0) == 0x80);
    r.command(0xc1);
    CHECK((r.status() & 0xf0) == 0x00);
    r.command(0x20);
    CHECK((r.status() & 0xf0) == 0x10);
    r.data();
}
