#include "devices/serial/uart_16550a.h"
#include "tests/lib/state_copy.h"

#include <deque>
#include <string>

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

struct FakeBackend : CharBackend {
    void write(std::span<const u8> bytes) override { out.append(bytes.begin(), bytes.end()); }
    void set_receiver(CharReceiver* r) override { receiver = r; }
    void receiver_ready() override { ++ready; }
    std::string out;
    CharReceiver* receiver = nullptr;
    int ready = 0;
};

struct FakeIrq : IrqSink {
    void set_level(unsigned, bool l) override {
        if (l && !level) ++edges;
        level = l;
    }
    bool level = false;
    int edges = 0;
};

struct Rig {
    ManualClock clock;
    TimerQueue timers{clock};
    FakeBackend backend;
    FakeIrq irq;
    Log log;
    Uart16550a uart{"com1", IrqLine(irq, 4), timers, backend, log};

    u8 in(u16 r) { return static_cast<u8>(uart.io_read(r, 1)); }
    void out(u16 r, u8 v) { uart.io_write(r, 1, v); }
    void type(const std::string& s) { uart.receive({reinterpret_cast<const u8*>(s.data()), s.size()}); }
};

}  // namespace

TEST_CASE("transmitted bytes reach the back-end and THRE stays set") {
    Rig r;
    for (const char c : std::string("hello")) r.out(0, static_cast<u8>(c));
    CHECK(r.backend.out == "hello");
    CHECK(r.in(5) == 0x60);
}

TEST_CASE("the divisor latch hides data and interrupt enable") {
    Rig r;
    r.out(3, 0x83);
    r.out(0, 0x34);
    r.out(1, 0x12);
    CHECK(r.in(0) == 0x34);
    CHECK(r.in(1) == 0x12);
    r.out(3, 0x03);
    CHECK(r.in(1) == 0);
    CHECK(r.backend.out.empty());
}

TEST_CASE("Linux' 8250 autoconfiguration finds a 16550A") {
    Rig r;
    // IER exists and has four bits.
    r.out(1, 0);
    CHECK((r.in(1) & 0x0f) == 0);
    r.out(1, 0x0f);
    CHECK(r.in(1) == 0x0f);
    r.out(1, 0);
    // Loopback connects RTS and OUT2 to CTS and DCD.
    r.out(4, 0x1a);
    CHECK((r.in(6) & 0xf0) == 0x90);
    r.out(4, 0);
    // FIFO, no EFR, no 64-byte FIFO, no UUE bit.
    r.out(2, 0x01);
    CHECK((r.in(2) >> 6) == 3);
    r.out(3, 0xbf);
    CHECK(r.in(2) != 0);
    r.out(3, 0x80);
    r.out(2, 0x21);
    CHECK((r.in(2) >> 5) == 6);
    r.out(3, 0);
    r.out(1, 0x40);
    CHECK((r.in(1) & 0x40) == 0);
    // THRE is reasserted when the interrupt is enabled again: no THRE bug, no TXEN bug.
    for (int i = 0; i < 2; ++i) {
        r.out(1, 0x02);
        CHECK((r.in(2) & 0x0f) == 0x02);
        CHECK((r.in(2) & 0x0f) == 0x01);
        r.out(1, 0);
    }
}

TEST_CASE("scratch keeps its value, LSR and MSR ignore writes") {
    Rig r;
    r.out(7, 0x5a);
    CHECK(r.in(7) == 0x5a);
    r.out(5, 0xff);
    r.out(6, 0xff);
    CHECK(r.in(5) == 0x60);
    CHECK(r.in(6) == 0xb0);
}

TEST_CASE("reading IIR clears only the interrupt it reports") {
    Rig r;
    r.out(1, 0x03);
    r.type("a");
    CHECK(r.irq.level);
    CHECK((r.in(2) & 0x0f) == 0x04);
    CHECK((r.in(2) & 0x0f) == 0x04);
    CHECK(r.in(0) == 'a');
    CHECK((r.in(2) & 0x0f) == 0x02);
    CHECK((r.in(2) & 0x0f) == 0x01);
    CHECK_FALSE(r.irq.level);
}

TEST_CASE("every transmitted byte makes a new THRE edge") {
    Rig r;
    r.out(1, 0x02);
    const int before = r.irq.edges;
    r.out(0, 'x');
    r.out(0, 'y');
    CHECK(r.irq.edges == before + 2);
    CHECK(r.irq.level);
}

TEST_CASE("the FIFO interrupts at its trigger level, or after four idle character times") {
    Rig r;
    r.out(3, 0x83);
    r.out(0, 1);  // 115200 8N1: 86.8 us for each character
    r.out(1, 0);
    r.out(3, 0x03);
    r.out(2, 0x81);  // trigger 8
    r.out(1, 0x01);
    r.type("1234567");
    CHECK((r.in(2) & 0x0f) == 0x01);
    r.clock.advance(300'000);
    r.timers.run_due();
    CHECK((r.in(2) & 0x0f) == 0x01);
    r.clock.advance(60'000);
    r.timers.run_due();
    CHECK((r.in(2) & 0x0f) == 0x0c);
    CHECK(r.in(0) == '1');
    CHECK((r.in(2) & 0x0f) == 0x01);
    r.type("89");
    CHECK((r.in(2) & 0x0f) == 0x04);
    std::string rest;
    while (r.in(5) & 1) rest += static_cast<char>(r.in(0));
    CHECK(rest == "23456789");
    CHECK(r.timers.next_deadline_ns() == TimerQueue::kNever);
}

TEST_CASE("input is flow-controlled and the back-end hears when the FIFO is empty") {
    Rig r;
    CHECK(r.uart.receive_room() == 1);
    r.out(2, 0x01);
    CHECK(r.uart.receive_room() == 16);
    r.type("0123456789abcdef");
    CHECK(r.uart.receive_room() == 0);
    const int ready = r.backend.ready;
    for (int i = 0; i < 16; ++i) r.in(0);
    CHECK(r.backend.ready == ready + 1);
}

TEST_CASE("loopback returns bytes, overruns, and never reaches the line") {
    Rig r;
    r.out(2, 0x01);
    r.out(4, 0x10);
    CHECK(r.uart.receive_room() == 0);
    for (int i = 0; i < 17; ++i) r.out(0, static_cast<u8>(i));
    CHECK(r.in(5) == 0x63);
    CHECK(r.in(5) == 0x61);
    for (int i = 0; i < 16; ++i) CHECK(r.in(0) == i);
    CHECK(r.in(5) == 0x60);
    CHECK(r.backend.out.empty());
}

TEST_CASE("modem deltas latch until MSR is read, RI on its trailing edge") {
    Rig r;
    r.out(1, 0x08);
    r.uart.set_modem_inputs(0xb0 | 0x40);
    CHECK((r.in(6) & 0x0f) == 0);
    r.uart.set_modem_inputs(0x80);
    CHECK(r.irq.level);
    CHECK((r.in(2) & 0x0f) == 0x00);
    CHECK(r.in(6) == 0x87);
    CHECK(r.in(6) == 0x80);
    CHECK_FALSE(r.irq.level);
}

TEST_CASE("a break is a null byte with its own line status") {
    Rig r;
    r.out(2, 0x01);
    r.out(1, 0x05);
    r.type("a");
    r.uart.receive_break();
    CHECK((r.in(2) & 0x0f) == 0x04);
    CHECK(r.in(5) == 0xe1);  // the error is behind 'a'
    CHECK(r.in(0) == 'a');
    CHECK((r.in(2) & 0x0f) == 0x06);
    CHECK(r.in(5) == 0xf1);
    CHECK(r.in(5) == 0x61);
    CHECK(r.in(0) == 0);
}

TEST_CASE("save, load, save is byte-equal and the timeout goes on") {
    Rig a, b;
    a.out(2, 0xc1);
    a.out(1, 0x0d);
    a.out(7, 0x77);
    a.type("state");
    copy_state(a.uart, b.uart);
    b.clock.set(b.timers.next_deadline_ns());
    b.timers.run_due();
    CHECK(b.irq.level);
    CHECK((b.in(2) & 0x0f) == 0x0c);
}

TEST_CASE("a hostile saved state is refused") {
    Rig a, b;
    StateArchive saved = StateArchive::saver();
    a.uart.visit(saved);
    for (std::size_t i = 0; i < saved.bytes().size(); ++i) {
        std::vector<u8> bytes = saved.bytes();
        bytes[i] = 0xff;
        StateArchive load = StateArchive::loader(bytes);
        b.uart.visit(load);
        b.type("x");
        CHECK(b.in(5) != 0);
        b.uart.reset(ResetKind::kPowerOn);
    }
    std::vector<u8> cut(saved.bytes().begin(), saved.bytes().end() - 1);
    StateArchive load = StateArchive::loader(cut);
    b.uart.visit(load);
    CHECK(load.failed());
}
