#include "devices/irq/ioapic.h"

#include <catch2/catch.hpp>

#include "devices/irq/gsi_router.h"
#include "tests/unit/devices_irq/irq_fakes.h"

using namespace twin86;

namespace {
class RecordingBus : public ApicBus {
  public:
    bool deliver(const ApicMessage& message) override {
        messages.push_back(message);
        return accepting;
    }
    void broadcast_eoi(u8) override {}
    bool waits(const ApicMessage& message) const override { return message.vector == waiting_vector; }
    int waiting_vector = -1;
    std::vector<ApicMessage> messages;
    bool accepting = true;
};

struct Fixture {
    Log log;
    RecordingBus bus;
    IoApic ioapic{bus, log};

    u32 read(u8 reg) {
        ioapic.mmio_write(0, 4, reg);
        return static_cast<u32>(ioapic.mmio_read(0x10, 4));
    }
    void write(u8 reg, u32 value) {
        ioapic.mmio_write(0, 4, reg);
        ioapic.mmio_write(0x10, 4, value);
    }
    void program(unsigned pin, u32 low, u8 destination = 0) {
        write(static_cast<u8>(0x11 + pin * 2), u32{destination} << 24);
        write(static_cast<u8>(0x10 + pin * 2), low);
    }
    std::size_t sent() const { return bus.messages.size(); }
};
constexpr u32 kLevelTriggered = 1 << 15, kMask = 1 << 16, kRemoteIrr = 1 << 14;
}  // namespace

TEST_CASE("identification registers") {
    Fixture f;
    CHECK(f.read(1) == 0x00170020);
    f.write(0, 0xffff'ffff);
    CHECK(f.read(0) == 0x0f00'0000);
    CHECK(f.read(0x10) == kMask);
    f.write(0x10, 0xffff'ffff);
    CHECK((f.read(0x10) & ~0x0001'afffu) == 0);  // status and remote IRR are read-only
    CHECK(f.read(0x40) == 0);
    CHECK(f.read(0xff) == 0);
}

TEST_CASE("an edge is sent once, with destination and vector of the entry") {
    Fixture f;
    f.program(4, 0x0900 | 0x44, 0x03);  // logical, lowest priority
    f.ioapic.set_level(4, true);
    f.ioapic.set_level(4, true);
    REQUIRE(f.sent() == 1);
    const ApicMessage& m = f.bus.messages[0];
    CHECK(m.destination == 3);
    CHECK(m.logical);
    CHECK(m.mode == DeliveryMode::kLowestPriority);
    CHECK(m.vector == 0x44);
    CHECK_FALSE(m.level_triggered);
}

TEST_CASE("an edge waits while the bus says so of its message; masked pins and levels never do") {
    Fixture f;
    f.bus.waiting_vector = 0x44;
    f.program(4, 0x44);
    f.program(5, 0x44 | kMask);
    f.program(6, 0x44 | kLevelTriggered);
    f.program(7, 0x45);
    CHECK(f.ioapic.edge_waits(4));
    for (const unsigned pin : {5u, 6u, 7u, 24u}) CHECK_FALSE(f.ioapic.edge_waits(pin));
    RecordingSink pic;
    GsiRouter router(pic, f.ioapic);
    const IrqLine four = router.line(4), seven = router.line(7);
    CHECK(four.edge_waits());
    CHECK_FALSE(seven.edge_waits());
    pic.waits[7] = true;
    CHECK(seven.edge_waits());
}

TEST_CASE("edges on a masked pin are lost, levels are not") {
    Fixture f;
    f.program(5, 0x50 | kMask);
    f.ioapic.set_level(5, true);
    f.program(5, 0x50);
    CHECK(f.sent() == 0);
    f.program(6, 0x60 | kLevelTriggered | kMask);
    f.ioapic.set_level(6, true);
    CHECK(f.sent() == 0);
    f.program(6, 0x60 | kLevelTriggered);
    CHECK(f.sent() == 1);
}

TEST_CASE("remote IRR holds a level back until the EOI, by broadcast or by register") {
    Fixture f;
    f.program(10, 0x70 | kLevelTriggered);
    f.ioapic.set_level(10, true);
    CHECK(f.sent() == 1);
    CHECK((f.read(0x10 + 20) & kRemoteIrr) != 0);
    f.ioapic.set_level(10, false);
    f.ioapic.set_level(10, true);
    CHECK(f.sent() == 1);
    f.ioapic.eoi(0x71);
    CHECK(f.sent() == 1);
    f.ioapic.eoi(0x70);
    CHECK(f.sent() == 2);
    f.ioapic.set_level(10, false);
    f.ioapic.mmio_write(0x40, 4, 0x70);
    CHECK(f.sent() == 2);
    CHECK((f.read(0x10 + 20) & kRemoteIrr) == 0);
}

TEST_CASE("switching to edge clears remote IRR; an unaccepted level is tried again") {
    Fixture f;
    f.program(10, 0x70 | kLevelTriggered);
    f.ioapic.set_level(10, true);
    f.program(10, 0x70 | kMask);
    CHECK((f.read(0x10 + 20) & kRemoteIrr) == 0);
    f.bus.accepting = false;
    f.program(11, 0x71 | kLevelTriggered);
    f.ioapic.set_level(11, true);
    CHECK((f.read(0x10 + 22) & kRemoteIrr) == 0);
    f.bus.accepting = true;
    f.ioapic.set_level(11, true);
    CHECK((f.read(0x10 + 22) & kRemoteIrr) != 0);
}

TEST_CASE("NMI and ExtINT are edges whatever the trigger bit says") {
    Fixture f;
    f.program(1, 0x400 | kLevelTriggered);
    f.ioapic.set_level(1, true);
    REQUIRE(f.sent() == 1);
    CHECK(f.bus.messages[0].mode == DeliveryMode::kNmi);
    CHECK_FALSE(f.bus.messages[0].level_triggered);
    CHECK((f.read(0x12) & kRemoteIrr) == 0);
    f.program(3, 0x300);  // reserved delivery mode
    f.ioapic.set_level(3, true);
    CHECK(f.sent() == 1);
}

TEST_CASE("IOAPIC state survives save and load") {
    Fixture a, b;
    a.program(10, 0x70 | kLevelTriggered, 7);
    a.ioapic.set_level(10, true);
    a.write(0, 0x0500'0000);
    copy_state(a.ioapic, b.ioapic);
    b.ioapic.eoi(0x70);
    REQUIRE(b.sent() == 1);
    CHECK(b.bus.messages[0].destination == 7);
    check_truncations(b.ioapic);
}

TEST_CASE("the router fans ISA interrupts out and sends IRQ 0 to I/O APIC pin 2") {
    RecordingSink pic, ioapic;
    GsiRouter router(pic, ioapic);
    router.line(0).set(true);
    CHECK((pic.levels[0] && ioapic.levels[2] && !ioapic.levels[0]));
    router.line(2).set(true);
    CHECK(pic.levels.count(2) == 0);
    router.line(9).set(true);
    CHECK((pic.levels[9] && ioapic.levels[9]));
    router.line(19).set(true);
    CHECK((pic.levels.count(19) == 0 && ioapic.levels[19]));
    router.add_driver().set_level(24, true);
    CHECK(ioapic.levels.count(24) == 0);
}

TEST_CASE("a line is high while any of its drivers holds it") {
    RecordingSink pic, ioapic;
    GsiRouter router(pic, ioapic);
    const IrqLine com1 = router.line(4), com3 = router.line(4);
    com1.set(true);
    com3.set(false);
    CHECK((pic.levels[4] && ioapic.levels[4]));
    com3.set(true);
    com1.set(false);
    CHECK((pic.levels[4] && ioapic.levels[4]));
    CHECK(router.count(4) == 1);
    com3.set(false);
    CHECK((!pic.levels[4] && !ioapic.levels[4]));
}

TEST_CASE("the router's drivers hold their lines again after loading") {
    RecordingSink pic, ioapic;
    GsiRouter a(pic, ioapic), b(pic, ioapic);
    const IrqLine high = a.line(4), low = a.line(4);
    const IrqLine high_there = b.line(4), low_there = b.line(4);
    high.set(true);
    copy_state(a, b);
    low_there.set(false);
    CHECK(pic.levels[4]);
    high_there.set(false);
    CHECK(!pic.levels[4]);
}
