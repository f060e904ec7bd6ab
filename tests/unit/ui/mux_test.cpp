#include "ui/terminal/mux.h"

#include <string>

#include "tests/unit/ui/char_rig.h"
#include <catch2/catch.hpp>

using namespace twin86;

namespace {

struct FakeTerminal : CharBackend {
    void write(std::span<const u8> bytes) override { out.append(bytes.begin(), bytes.end()); }
    void set_receiver(CharReceiver* r) override { receiver = r; }
    void receiver_ready() override { ++ready; }
    void type(std::string_view text) { receiver->receive({reinterpret_cast<const u8*>(text.data()), text.size()}); }
    std::string out;
    CharReceiver* receiver = nullptr;
    int ready = 0;
};

struct Rig {
    FakeTerminal terminal;
    TerminalMux mux{terminal};
    CharBackend& serial = mux.add_port();
    CharBackend& monitor = mux.add_port();
    CollectingReceiver guest, operator_;
    Rig() {
        serial.set_receiver(&guest);
        monitor.set_receiver(&operator_);
    }
};

}  // namespace

TEST_CASE("Ctrl-A c switches the focus, output of both is shown") {
    Rig r;
    std::size_t focus = 0;
    r.mux.set_on_focus([&](std::size_t index) { focus = index; });
    r.terminal.type("ls\r\x01" "cinfo\r\x01" "cpwd\r");
    CHECK(r.guest.text == "ls\rpwd\r");
    CHECK(r.operator_.text == "info\r");
    CHECK(focus == 0);
    write_text(r.serial, "A");
    write_text(r.monitor, "B");
    CHECK(r.terminal.out == "AB");
}

TEST_CASE("Ctrl-A x quits, h helps, b breaks, s and unknown keys do nothing") {
    Rig r;
    int quits = 0;
    r.mux.set_on_quit([&] { ++quits; });
    r.terminal.type("\x01h");
    CHECK(r.terminal.out.find("C-a x") != std::string::npos);
    r.terminal.type("\x01s\x01z\x01" "b");
    CHECK(r.guest.breaks == 1);
    CHECK(r.guest.text.empty());
    CHECK(quits == 0);
    r.terminal.type("\x01");
    r.terminal.type("x");
    CHECK(quits == 1);
    CHECK(r.terminal.out.find("Terminated") != std::string::npos);
}

TEST_CASE("Ctrl-A Ctrl-A sends one Ctrl-A") {
    Rig r;
    r.terminal.type("a\x01\x01" "b");
    CHECK(r.guest.text == "a\x01" "b");
}

TEST_CASE("input waits for the guest in a bounded queue, and escapes work before it is full") {
    Rig r;
    r.guest.room = 1;
    const std::size_t room = r.mux.receive_room();
    CHECK(room == TerminalMux::kQueueSize);
    r.terminal.type(std::string(room, 'k') + "too much");
    CHECK(r.guest.text == "k");
    r.terminal.type("x");
    r.terminal.type("x");
    CHECK(r.mux.receive_room() == 0);
    const int ready = r.terminal.ready;
    r.guest.room = 16;
    r.serial.receiver_ready();
    CHECK(r.guest.text == std::string(17, 'k'));
    CHECK(r.terminal.ready == ready + 1);
    CHECK(r.mux.receive_room() == 16);
}
