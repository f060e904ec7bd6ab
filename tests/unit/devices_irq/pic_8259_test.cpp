#include "devices/irq/pic_8259.h"

#include <catch2/catch.hpp>

#include "tests/unit/devices_irq/irq_fakes.h"

using namespace twin86;

namespace {
struct Pics {
    RecordingSink cpu;
    PicPair pair{cpu.line(0)};

    void command(unsigned chip, u8 value) { ports(chip).io_write(0, 1, value); }
    void data(unsigned chip, u8 value) { ports(chip).io_write(1, 1, value); }
    u8 status(unsigned chip) { return static_cast<u8>(ports(chip).io_read(0, 1)); }
    IoHandler& ports(unsigned chip) { return chip == 0 ? pair.master_ports() : pair.slave_ports(); }
    bool intr() { return cpu.levels[0]; }

    /// The sequence of every PC BIOS and of Linux: vectors 0x30 and 0x38.
    void initialize(u8 master_icw4 = 0x01, u8 slave_icw4 = 0x01) {
        for (const unsigned chip : {0u, 1u}) {
            command(chip, 0x11);
            data(chip, chip == 0 ? 0x30 : 0x38);
            data(chip, chip == 0 ? 0x04 : 0x02);
            data(chip, chip == 0 ? master_icw4 : slave_icw4);
            data(chip, 0x00);
        }
    }
    void pulse(unsigned irq) { IrqLine(pair, irq).pulse(); }
};
}  // namespace

TEST_CASE("an edge is acknowledged with its vector and blocks lower priorities until EOI") {
    Pics p;
    p.initialize();
    p.pulse(4);
    REQUIRE(p.intr());
    CHECK(p.pair.acknowledge() == 0x34);
    CHECK_FALSE(p.intr());
    p.pulse(5);
    CHECK_FALSE(p.intr());
    p.pulse(1);
    REQUIRE(p.intr());
    CHECK(p.pair.acknowledge() == 0x31);
    p.command(0, 0x20);
    CHECK(p.pair.master().isr() == 0x10);
    CHECK_FALSE(p.intr());
    p.command(0, 0x20);
    REQUIRE(p.intr());
    CHECK(p.pair.acknowledge() == 0x35);
}

TEST_CASE("an edge waits from its rise to its acknowledge, unless it is masked") {
    Pics p;
    p.initialize();
    for (const unsigned irq : {4u, 12u}) {
        CHECK_FALSE(p.pair.edge_waits(irq));
        p.pulse(irq);
        CHECK(p.pair.edge_waits(irq));
        p.data(irq / 8, 0xff);
        CHECK_FALSE(p.pair.edge_waits(irq));
        p.data(irq / 8, 0x00);
        p.pair.acknowledge();
        CHECK_FALSE(p.pair.edge_waits(irq));
        p.command(0, 0x20);
        p.command(1, 0x20);
    }
}

TEST_CASE("the mask holds a request back without losing it") {
    Pics p;
    p.initialize();
    p.data(0, 0xff);
    p.pulse(3);
    CHECK_FALSE(p.intr());
    CHECK(p.status(0) == 0x08);
    p.data(0, 0xf7);
    CHECK(p.intr());
}

TEST_CASE("a request that goes away before the acknowledge is the spurious IRQ 7") {
    Pics p;
    p.initialize();
    p.pulse(3);
    p.data(0, 0xff);
    CHECK(p.pair.acknowledge() == 0x37);
    CHECK(p.pair.master().isr() == 0);
    p.data(0, 0);
    CHECK(p.pair.acknowledge() == 0x33);
}

TEST_CASE("slave interrupts arrive through the cascade, each as an edge of its own") {
    Pics p;
    p.initialize();
    p.pulse(8);
    p.pulse(14);
    REQUIRE(p.intr());
    CHECK(p.pair.acknowledge() == 0x38);
    CHECK(p.pair.master().isr() == 0x04);
    p.command(1, 0x20);
    CHECK_FALSE(p.intr());  // master still has the slave in service
    p.command(0, 0x20);
    REQUIRE(p.intr());
    CHECK(p.pair.acknowledge() == 0x3e);
}

TEST_CASE("a slave request withdrawn before the acknowledge leaves the master with its spurious IRQ 7") {
    Pics p;
    p.initialize();
    p.pair.elcr_ports().io_write(1, 1, 0x02);  // IRQ 9 level
    p.pair.set_level(9, true);
    REQUIRE(p.intr());
    p.pair.set_level(9, false);
    CHECK_FALSE(p.intr());
    CHECK(p.pair.acknowledge() == 0x37);
}

TEST_CASE("special fully nested mode lets a higher request of the same slave pass") {
    for (const bool nested : {false, true}) {
        Pics p;
        p.initialize(nested ? 0x11 : 0x01);
        p.pulse(12);
        CHECK(p.pair.acknowledge() == 0x3c);
        p.pulse(9);
        CHECK(p.intr() == nested);
        if (nested) CHECK(p.pair.acknowledge() == 0x39);
    }
}

TEST_CASE("level inputs request again after EOI while they are high") {
    Pics p;
    p.initialize();
    p.pair.elcr_ports().io_write(1, 1, 0xff);
    CHECK(p.pair.elcr_ports().io_read(1, 1) == 0xde);  // IRQ 8 and 13 are always edges
    p.pair.set_level(11, true);
    CHECK(p.pair.acknowledge() == 0x3b);
    p.command(1, 0x63);
    p.command(0, 0x62);
    REQUIRE(p.intr());
    CHECK(p.pair.acknowledge() == 0x3b);
    p.pair.set_level(11, false);
    p.command(1, 0x63);
    p.command(0, 0x62);
    CHECK_FALSE(p.intr());
}

TEST_CASE("auto-EOI leaves nothing in service; with rotation the served input becomes the lowest") {
    Pics p;
    p.initialize(0x03);
    p.command(0, 0x80);  // rotate in auto-EOI mode
    p.pulse(0);
    CHECK(p.pair.acknowledge() == 0x30);
    CHECK(p.pair.master().isr() == 0);
    p.pulse(0);
    p.pulse(7);
    CHECK(p.pair.acknowledge() == 0x37);
    CHECK(p.pair.acknowledge() == 0x30);
}

TEST_CASE("rotation: on EOI and by the set-priority command") {
    Pics p;
    p.initialize();
    p.pulse(3);
    CHECK(p.pair.acknowledge() == 0x33);
    p.command(0, 0xa0);
    p.pulse(3);
    p.pulse(6);
    CHECK(p.pair.acknowledge() == 0x36);
    p.command(0, 0x66);
    CHECK(p.pair.acknowledge() == 0x33);
    p.command(0, 0x63);
    p.command(0, 0xc5);  // 5 becomes the lowest: 6 is the highest
    p.pulse(0);
    p.pulse(6);
    CHECK(p.pair.acknowledge() == 0x36);
}

TEST_CASE("special mask mode lets lower priorities pass a masked in-service level") {
    Pics p;
    p.initialize();
    p.pulse(1);
    CHECK(p.pair.acknowledge() == 0x31);
    p.pulse(4);
    CHECK_FALSE(p.intr());
    p.data(0, 0x02);
    p.command(0, 0x68);
    REQUIRE(p.intr());
    CHECK(p.pair.acknowledge() == 0x34);
    p.command(0, 0x20);  // non-specific: the masked bit stays
    CHECK(p.pair.master().isr() == 0x02);
}

TEST_CASE("poll acknowledges, and OCW3 selects what status reads show") {
    Pics p;
    p.initialize();
    p.command(0, 0x0c);
    CHECK(p.status(0) == 0);
    p.pulse(5);
    p.command(0, 0x0c);
    CHECK(p.status(0) == 0x85);
    CHECK_FALSE(p.intr());
    p.command(0, 0x0b);
    CHECK(p.status(0) == 0x20);
    p.command(0, 0x0a);
    CHECK(p.status(0) == 0x00);
    CHECK(p.ports(0).io_read(1, 1) == 0);
}

TEST_CASE("ICW1 forgets edges; single mode and missing ICW4 shorten the sequence") {
    Pics p;
    p.initialize();
    p.pulse(5);
    p.command(0, 0x12);  // single, no ICW4
    CHECK_FALSE(p.intr());
    p.data(0, 0x50);
    p.data(0, 0xfe);  // this is OCW1 already
    CHECK(p.pair.master().imr() == 0xfe);
    p.pulse(0);
    CHECK(p.pair.acknowledge() == 0x50);
}

TEST_CASE("PIC state survives save and load") {
    Pics a, b;
    a.initialize(0x11);
    a.pulse(12);
    a.pair.acknowledge();
    a.pulse(1);
    a.command(1, 0x0b);
    copy_state(a.pair, b.pair);
    CHECK(b.pair.acknowledge() == 0x31);
    CHECK(b.status(1) == 0x10);
    check_truncations(b.pair);
}

TEST_CASE("reset lowers INTR") {
    Pics p;
    p.initialize();
    p.pulse(14);
    REQUIRE(p.intr());
    p.pair.reset(ResetKind::kWarm);
    CHECK_FALSE(p.intr());
}
