#include "devices/firmware/a20_gate.h"
#include "devices/firmware/debugcon.h"
#include "devices/firmware/isa_debug_exit.h"
#include "devices/firmware/port92.h"
#include "devices/firmware/reset_control.h"
#include "tests/lib/state_copy.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace twin86;

namespace {

struct StringSink : CharSink {
    void write(std::span<const u8> bytes) override { text.append(bytes.begin(), bytes.end()); }
    std::string text;
};

}  // namespace

TEST_CASE("isa-debug-exit doubles the value and adds one") {
    std::vector<int> codes;
    IsaDebugExit device([&](int code) { codes.push_back(code); });
    device.io_write(0, 1, 0);
    device.io_write(0, 4, 0x10);
    CHECK(codes == std::vector<int>{1, 0x21});
    IsaDebugExit other([](int) {});
    copy_state(device, other);
}

TEST_CASE("debugcon prints and answers with its own number") {
    StringSink sink;
    Debugcon device(sink);
    for (const char c : std::string("boot\n")) device.io_write(0, 1, static_cast<u8>(c));
    CHECK(sink.text == "boot\n");
    CHECK(device.io_read(0, 1) == 0xe9);
}

TEST_CASE("reset control acts on the rising edge of bit 2") {
    std::vector<bool> resets;
    ResetControl device([&](bool hard) { resets.push_back(hard); });
    device.io_write(0, 1, 0x02);
    CHECK(resets.empty());
    device.io_write(0, 1, 0x06);
    device.io_write(0, 1, 0x06);
    CHECK(resets == std::vector<bool>{true});
    device.io_write(0, 1, 0xf1);
    CHECK(device.io_read(0, 1) == 0);
    device.io_write(0, 1, 0x04);
    CHECK(resets == std::vector<bool>{true, false});
    ResetControl other([](bool) {});
    copy_state(device, other);
    CHECK(other.io_read(0, 1) == 0x04);
}

TEST_CASE("A20 is on when either source asks for it") {
    std::vector<bool> changes;
    int resets = 0;
    A20Gate gate([&](bool on) { changes.push_back(on); });
    Port92 port([&](bool on) { gate.set_port92(on); }, [&] { ++resets; });
    CHECK(gate.enabled());
    gate.set_keyboard_controller(false);
    port.io_write(0, 1, 0x02);
    CHECK(port.io_read(0, 1) == 0x02);
    gate.set_keyboard_controller(true);
    port.io_write(0, 1, 0x00);
    CHECK(changes == std::vector<bool>{false, true});
    CHECK(resets == 0);
    port.io_write(0, 1, 0x03);
    port.io_write(0, 1, 0x03);
    CHECK(resets == 1);

    A20Gate other_gate([](bool) {});
    other_gate.set_keyboard_controller(false);
    Port92 other([&](bool on) { other_gate.set_port92(on); }, [] {});
    copy_state(port, other);
    CHECK(other_gate.enabled());
}
