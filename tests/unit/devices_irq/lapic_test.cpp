#include "devices/irq/lapic.h"

#include <catch2/catch.hpp>

#include "devices/irq/ioapic.h"
#include "devices/irq/local_apic_bus.h"
#include "devices/irq/pic_8259.h"
#include "tests/unit/devices_irq/irq_fakes.h"

using namespace twin86;

namespace {
struct Cpu {
    Cpu(u32 id, TimerQueue& queue, LocalApicBus& bus, Log& log)
        : lapic(
              {.apic_id = id, .bootstrap = id == 0}, queue, tsc, bus, [this] { return ++inta_cycles, pic_vector; },
              log) {
        lapic.connect_cpu(pins);
        bus.attach(lapic);
    }
    void write(u32 offset, u32 value) { lapic.mmio_write(offset, 4, value); }
    u32 read(u32 offset) { return static_cast<u32>(lapic.mmio_read(offset, 4)); }
    void enable() { write(0xf0, 0x1ff); }
    u64 msr(u32 index) {
        u64 value = 0;
        REQUIRE(lapic.read_msr(index, value));
        return value;
    }
    void x2apic() { REQUIRE(lapic.write_apic_base(lapic.apic_base() | 0xc00)); }

    FakeTsc tsc;
    RecordingCpu pins;
    u8 pic_vector = 0x30;
    int inta_cycles = 0;
    Lapic lapic;
};

struct Fixture {
    Log log;
    ManualClock clock;
    TimerQueue queue{clock};
    LocalApicBus bus;
    Cpu c0{0, queue, bus, log}, c1{1, queue, bus, log};
    Fixture() { c0.enable(), c1.enable(); }
    void run_to(u64 ns) {
        clock.set(ns);
        queue.run_due();
    }
    bool fixed(u8 vector, bool level = false) {
        return bus.deliver({.destination = 0, .vector = vector, .level_triggered = level});
    }
};
}  // namespace

TEST_CASE("priorities: the higher class goes first, TPR and the vector in service hold lower ones back") {
    Fixture f;
    f.fixed(0x41);
    f.fixed(0x52);
    REQUIRE(f.c0.lapic.has_interrupt());
    CHECK(f.c0.lapic.acknowledge() == 0x52);
    CHECK_FALSE(f.c0.lapic.has_interrupt());
    CHECK(f.c0.read(0xa0) == 0x50);
    CHECK(f.c0.lapic.acknowledge() == -1);
    f.c0.write(0xb0, 0);
    CHECK(f.c0.lapic.has_interrupt());
    f.c0.lapic.set_cr8(4);
    CHECK_FALSE(f.c0.lapic.has_interrupt());
    CHECK(f.c0.read(0x80) == 0x40);
    f.c0.write(0x80, 0x3f);
    CHECK(f.c0.lapic.cr8() == 3);
    CHECK(f.c0.lapic.acknowledge() == 0x41);
    CHECK(f.c0.read(0x120) == 2);  // ISR word 2, vector 0x41
    CHECK(f.c0.read(0x220) == 0);
}

TEST_CASE("a software-disabled APIC takes no fixed interrupt and keeps its LVTs masked") {
    Fixture f;
    f.c0.write(0xf0, 0xff);
    CHECK_FALSE(f.fixed(0x41));
    f.c0.write(0x350, 0x700);
    CHECK(f.c0.read(0x350) == 0x10700);
    f.bus.deliver({.destination = 0, .mode = DeliveryMode::kNmi});
    CHECK(f.c0.pins.nmis == 1);
}

TEST_CASE("EOI of a level-triggered vector reaches the I/O APIC unless it is suppressed") {
    Fixture f;
    IoApic ioapic(f.bus, f.log);
    f.bus.attach(ioapic);
    ioapic.mmio_write(0, 4, 0x10 + 2 * 9);
    ioapic.mmio_write(0x10, 4, 0x8061);
    ioapic.set_level(9, true);
    CHECK(f.c0.lapic.acknowledge() == 0x61);
    CHECK_FALSE(f.c0.lapic.has_interrupt());
    CHECK(f.c0.read(0x1b0) == 2);  // TMR
    f.c0.write(0xb0, 0);
    CHECK(f.c0.lapic.acknowledge() == 0x61);  // the line is still asserted
    ioapic.set_level(9, false);
    f.c0.write(0xf0, 0x11ff);
    f.c0.write(0xb0, 0);
    CHECK((ioapic.redirection(9) & 0x4000) != 0);
    ioapic.mmio_write(0x40, 4, 0x61);
    CHECK((ioapic.redirection(9) & 0x4000) == 0);
}

TEST_CASE("the PIC passes by LINT0 in ExtINT mode, before fixed interrupts and without regard to priority") {
    Fixture f;
    f.c0.lapic.set_level(Lapic::kLint0, true);
    CHECK_FALSE(f.c0.lapic.has_interrupt());
    f.c0.lapic.set_virtual_wire();
    f.c0.write(0x80, 0xff);
    CHECK(f.c0.lapic.has_interrupt());
    CHECK(f.c0.lapic.acknowledge() == 0x30);
    CHECK(f.c0.inta_cycles == 1);
    f.c0.lapic.set_level(Lapic::kLint0, false);
    CHECK_FALSE(f.c0.lapic.has_interrupt());
    f.c0.lapic.set_level(Lapic::kLint1, true);
    CHECK(f.c0.pins.nmis == 1);
}

TEST_CASE("a globally disabled APIC is a wire from the PIC") {
    Fixture f;
    REQUIRE(f.c0.lapic.write_apic_base(0xfee00100));
    f.c0.lapic.set_level(Lapic::kLint0, true);
    CHECK(f.c0.lapic.has_interrupt());
    CHECK(f.c0.lapic.acknowledge() == 0x30);
    CHECK(f.c0.read(0x30) == 0xffff'ffff);
    f.c0.lapic.set_level(Lapic::kLint1, true);
    CHECK(f.c0.pins.nmis == 1);
}

TEST_CASE("LINT0 in fixed level mode waits for the EOI") {
    Fixture f;
    f.c0.write(0x350, 0x8045);
    f.c0.lapic.set_level(Lapic::kLint0, true);
    CHECK(f.c0.lapic.acknowledge() == 0x45);
    CHECK((f.c0.read(0x350) & 0x4000) != 0);
    CHECK_FALSE(f.c0.lapic.has_interrupt());
    f.c0.write(0xb0, 0);
    CHECK(f.c0.lapic.acknowledge() == 0x45);
    f.c0.lapic.set_level(Lapic::kLint0, false);
    f.c0.write(0xb0, 0);
    CHECK_FALSE(f.c0.lapic.has_interrupt());
}

TEST_CASE("IPIs: physical, logical, shorthands, INIT and start-up") {
    Fixture f;
    f.c0.write(0x310, 1 << 24);
    f.c0.write(0x300, 0x4041);
    CHECK(f.c1.lapic.acknowledge() == 0x41);
    f.c1.write(0xd0, 0x0200'0000);
    f.c0.write(0x310, 0x0200'0000);
    f.c0.write(0x300, 0x4862);
    CHECK(f.c1.lapic.acknowledge() == 0x62);
    f.c0.write(0x300, 0x40043);  // self
    CHECK(f.c0.lapic.acknowledge() == 0x43);
    f.c0.write(0x300, 0x84053);  // everybody
    CHECK((f.c0.lapic.acknowledge() == 0x53 && !f.c1.lapic.has_interrupt()));
    f.c1.write(0xb0, 0);
    CHECK(f.c1.lapic.acknowledge() == 0x53);
    f.c0.write(0x300, 0xc4500);  // INIT to all others
    CHECK((f.c1.pins.inits == 1 && f.c0.pins.inits == 0));
    CHECK(f.c1.read(0xf0) == 0xff);
    f.c0.write(0x300, 0xc8500);  // level de-assert
    CHECK(f.c1.pins.inits == 1);
    f.c0.write(0x300, 0xc4699);
    CHECK(f.c1.pins.sipis == std::vector<u8>{0x99});
    f.c0.write(0x300, 0xc4400);
    CHECK((f.c1.pins.nmis == 1 && f.c0.pins.nmis == 0));
}

TEST_CASE("cluster mode addresses members of one cluster") {
    Fixture f;
    f.c0.write(0xe0, 0x0fff'ffff);
    f.c0.write(0xd0, 0x2100'0000);
    const auto send = [&](u32 mda) { return f.bus.deliver({.destination = mda, .logical = true, .vector = 0x50}); };
    CHECK(send(0x23));
    CHECK_FALSE(send(0x22));
    CHECK_FALSE(send(0x31));
    CHECK(send(0xff));
}

TEST_CASE("lowest priority goes to the processor with the lower PPR") {
    Fixture f;
    f.c0.write(0x80, 0x20);
    CHECK(f.bus.deliver({.destination = 0xff, .mode = DeliveryMode::kLowestPriority, .vector = 0x70}));
    CHECK(f.c1.lapic.acknowledge() == 0x70);
    CHECK_FALSE(f.c0.lapic.has_interrupt());
}

TEST_CASE("errors latch in ESR and raise the error interrupt once") {
    Fixture f;
    f.c0.write(0x370, 0x45);
    f.c0.write(0x300, 0x40005);  // self IPI with an illegal vector
    CHECK(f.c0.read(0x280) == 0);
    f.c0.write(0x280, 0);
    CHECK(f.c0.read(0x280) == 0x20);
    CHECK(f.c0.lapic.acknowledge() == 0x45);
    f.c0.write(0x280, 0);
    CHECK(f.c0.read(0x280) == 0);
    CHECK_FALSE(f.fixed(3));
    f.c0.read(0x40);
    f.c0.write(0x280, 0);
    CHECK(f.c0.read(0x280) == 0xc0);
    f.c0.write(0x370, 0x05);  // the error vector itself is illegal: no recursion
    f.fixed(3);
    f.c0.write(0x280, 0);
    CHECK(f.c0.read(0x280) == 0x40);
}

TEST_CASE("timer: periods that passed while nobody looked come one after the other") {
    Fixture f;
    f.c0.write(0x3e0, 0x3);
    f.c0.write(0x320, 0x20040);
    f.c0.write(0x380, 62'500);  // 1 ms
    f.clock.set(5'500'000);
    f.queue.run_due();
    int taken = 0;
    while (f.c0.lapic.acknowledge() == 0x40) {
        f.c0.lapic.interrupt_taken();
        f.c0.write(0xb0, 0);
        ++taken;
    }
    CHECK(taken == 5);
    CHECK(f.queue.next_deadline_ns() == 6'000'000);
}

TEST_CASE("a message waits from its acceptance until the processor takes it") {
    Fixture f;
    ApicMessage message;
    message.vector = 0x44;
    CHECK_FALSE(f.bus.waits(message));
    REQUIRE(f.bus.deliver(message));
    CHECK(f.bus.waits(message));
    message.vector = 0x45;
    CHECK_FALSE(f.bus.waits(message));
    message.vector = 0x44;
    CHECK(f.c0.lapic.acknowledge() == 0x44);
    CHECK_FALSE(f.bus.waits(message));
    message.mode = DeliveryMode::kExtInt;
    REQUIRE(f.bus.deliver(message));
    CHECK(f.bus.waits(message));
}

TEST_CASE("timer: one-shot and periodic at 1 GHz over the divider") {
    Fixture f;
    f.c0.write(0x3e0, 0x3);  // by 16
    f.c0.write(0x320, 0x40);
    f.c0.write(0x380, 1000);
    f.run_to(8000);
    CHECK(f.c0.read(0x390) == 500);
    f.run_to(15999);
    CHECK_FALSE(f.c0.lapic.has_interrupt());
    f.run_to(16000);
    CHECK(f.c0.lapic.acknowledge() == 0x40);
    CHECK(f.c0.read(0x390) == 0);
    f.c0.write(0xb0, 0);
    f.run_to(100'000);
    CHECK_FALSE(f.c0.lapic.has_interrupt());

    f.c0.write(0x320, 0x20040);
    f.c0.write(0x380, 1000);
    f.run_to(117'000);  // late by one microsecond
    CHECK(f.c0.lapic.acknowledge() == 0x40);
    f.c0.write(0xb0, 0);
    CHECK(f.queue.next_deadline_ns() == 132'000);  // no drift
    f.run_to(132'000 + 5 * 16'000 + 1);
    CHECK(f.queue.next_deadline_ns() == 132'000 + 6 * 16'000);
    f.c0.write(0x3e0, 0xb);  // by 1: the remaining counts pass faster
    CHECK(f.queue.next_deadline_ns() < 132'000 + 5 * 16'000 + 1 + 10'001);
}

TEST_CASE("a hostile period does not occupy the host") {
    Fixture f;
    f.c0.write(0x3e0, 0xb);
    f.c0.write(0x320, 0x20040);
    f.c0.write(0x380, 1);
    f.run_to(50'000);
    CHECK(f.queue.next_deadline_ns() >= 60'000);
}

TEST_CASE("TSC deadline: fires at the deadline, at once when it has passed, and disarms") {
    Fixture f;
    f.c0.lapic.write_tsc_deadline(5000);
    CHECK(f.c0.lapic.tsc_deadline() == 0);  // other modes ignore it
    f.c0.write(0x320, 0x40040);
    f.c0.lapic.write_tsc_deadline(5001);
    CHECK(f.c0.lapic.tsc_deadline() == 5001);
    f.run_to(2500);
    CHECK_FALSE(f.c0.lapic.has_interrupt());
    f.run_to(2501);
    CHECK(f.c0.lapic.acknowledge() == 0x40);
    CHECK(f.c0.lapic.tsc_deadline() == 0);
    f.c0.write(0xb0, 0);
    f.c0.lapic.write_tsc_deadline(1);
    CHECK(f.c0.lapic.acknowledge() == 0x40);
    f.c0.write(0xb0, 0);
    f.c0.lapic.write_tsc_deadline(100'000);
    f.c0.tsc.offset = 50'000;
    f.c0.lapic.tsc_changed();
    CHECK(f.queue.next_deadline_ns() == 25'000);
    f.c0.lapic.write_tsc_deadline(0);
    CHECK(f.queue.next_deadline_ns() == TimerQueue::kNever);
}

TEST_CASE("APIC_BASE transitions") {
    Fixture f;
    Lapic& a = f.c0.lapic;
    CHECK(a.apic_base() == 0xfee00900);
    CHECK(f.c1.lapic.apic_base() == 0xfee00800);
    CHECK_FALSE(a.write_apic_base(0xfee00901));
    CHECK_FALSE(a.write_apic_base(0xfee00500));  // EXTD without EN
    CHECK_FALSE(a.write_apic_base(1ull << 40 | 0x900));
    u64 value;
    CHECK_FALSE(a.read_msr(0x802, value));
    CHECK(a.write_apic_base(0xfee00d00));
    CHECK_FALSE(a.write_apic_base(0xfee00900));  // x2APIC to xAPIC
    CHECK(a.write_apic_base(0xfee00100));
    CHECK_FALSE(a.write_apic_base(0xfee00d00));  // off to x2APIC
    CHECK(a.write_apic_base(0xfee00900));
    int moved = 0;
    a.set_on_window_changed([&] { ++moved; });
    CHECK(a.write_apic_base(0xfed80900));
    CHECK((moved == 1 && a.window() == 0xfed80000));
}

TEST_CASE("x2APIC: MSR rules, logical id, self IPI, 64-bit ICR") {
    Fixture f;
    f.c1.x2apic();
    Lapic& a = f.c1.lapic;
    CHECK(f.c1.read(0x20) == 0xffff'ffff);
    CHECK(f.c1.msr(0x802) == 1);
    CHECK(f.c1.msr(0x803) == 0x01050014);
    CHECK(f.c1.msr(0x80d) == 2);
    CHECK(f.c1.msr(0x80f) == 0x1ff);
    u64 value;
    for (const u32 absent : {0x800u, 0x80bu, 0x80eu, 0x831u, 0x82fu, 0x83fu, 0x840u})
        CHECK_FALSE(a.read_msr(absent, value));
    for (const u32 read_only : {0x802u, 0x803u, 0x80au, 0x80du, 0x810u, 0x827u, 0x839u})
        CHECK_FALSE(a.write_msr(read_only, 0));
    CHECK_FALSE(a.write_msr(0x808, 0x100));
    CHECK_FALSE(a.write_msr(0x80b, 1));
    CHECK_FALSE(a.write_msr(0x828, 1));
    CHECK_FALSE(a.write_msr(0x80f, 1 << 9));
    CHECK_FALSE(a.write_msr(0x832, 1ull << 32));
    CHECK(a.write_msr(0x83f, 0x66));
    CHECK(a.acknowledge() == 0x66);
    CHECK(a.write_msr(0x80b, 0));
    f.c0.x2apic();
    CHECK(f.c0.lapic.write_msr(0x830, 0x1'0000'0041));
    CHECK(a.acknowledge() == 0x41);
    CHECK(f.c0.msr(0x830) == 0x1'0000'0041);
    CHECK(f.c0.lapic.write_msr(0x830, 0x2'0000'0851));  // logical: cluster 0, member 1
    CHECK(a.acknowledge() == 0x51);
    CHECK(f.c0.lapic.write_msr(0x830, 0xffff'ffff'0000'0061));
    CHECK((a.acknowledge() == 0x61 && f.c0.lapic.acknowledge() == 0x61));
}

TEST_CASE("MSI messages are decoded and delivered") {
    Fixture f;
    CHECK(f.bus.deliver_msi(0xfee01000, 0x0041));
    CHECK(f.c1.lapic.acknowledge() == 0x41);
    CHECK_FALSE(f.bus.deliver_msi(0xfed01000, 0x0041));
    CHECK_FALSE(f.bus.deliver_msi(0xfee01000, 0x0641));
    const ApicMessage m = LocalApicBus::decode_msi(0xfee0300c, 0xc0a5);
    CHECK((m.destination == 3 && m.logical && m.mode == DeliveryMode::kLowestPriority && m.vector == 0xa5));
    CHECK((m.level_triggered && m.assert_level));
}

TEST_CASE("messages for local APICs elsewhere go out as MSIs, and come out of I/O APIC pins the same") {
    for (const auto& [address, data] : {std::pair<u64, u32>{0xfee0300c, 0xc1a5}, {0xfee01000, 0x0041}, {0xfee02004, 0xc0f1}})
        CHECK(LocalApicBus::encode_msi(LocalApicBus::decode_msi(address, data)) == std::pair(address, data));
    LocalApicBus bus;
    std::vector<std::pair<u64, u32>> sent;
    bus.set_remote([&](u64 address, u32 data) { return sent.emplace_back(address, data), true; });
    Log log;
    IoApic ioapic(bus, log);
    unsigned changes = 0;
    ioapic.set_on_changed([&] { ++changes; });
    CHECK_FALSE(ioapic.message(4));
    ioapic.mmio_write(0, 4, 0x10 + 2 * 4);
    ioapic.mmio_write(0x10, 4, 0x8051);  // level-triggered
    CHECK(changes == 1);
    REQUIRE(ioapic.message(4));
    ioapic.set_level(4, true);
    CHECK(sent == std::vector<std::pair<u64, u32>>{{0xfee00000, 0xc051}});
    bus.attach(ioapic);
    bus.broadcast_eoi(0x51);
    CHECK(sent.size() == 2);
    ApicMessage extint;
    extint.mode = DeliveryMode::kExtInt;
    CHECK_FALSE(bus.deliver(extint));
    CHECK(sent.size() == 2);
}

TEST_CASE("LAPIC state survives save and load with its timer armed") {
    Fixture a, b;
    a.c0.lapic.set_virtual_wire();
    a.fixed(0x91);
    a.c0.lapic.acknowledge();
    a.fixed(0x41);
    a.c0.write(0x320, 0x200a0);
    a.c0.write(0x380, 100'000);
    copy_state(a.c0.lapic, b.c0.lapic);
    CHECK(b.queue.next_deadline_ns() == a.queue.next_deadline_ns());
    b.run_to(200'000);
    CHECK(b.c0.lapic.acknowledge() == 0xa0);
    check_truncations(b.c0.lapic);
}

TEST_CASE("PIC and LAPIC wired as in a PC") {
    Fixture f;
    PicPair* pic = nullptr;
    Lapic lapic(
        {.apic_id = 4}, f.queue, f.c0.tsc, f.bus, [&] { return pic->acknowledge(); }, f.log);
    PicPair pair(IrqLine(lapic, Lapic::kLint0));
    pic = &pair;
    lapic.set_virtual_wire();
    for (const u8 v : {0x30, 0x04, 0x01, 0x00}) {
        if (v == 0x30) pair.master_ports().io_write(0, 1, 0x11);
        pair.master_ports().io_write(1, 1, v);
    }
    IrqLine(pair, 0).pulse();
    IrqLine(pair, 1).pulse();
    CHECK(lapic.acknowledge() == 0x30);
    CHECK_FALSE(lapic.has_interrupt());
    pair.master_ports().io_write(0, 1, 0x20);
    CHECK(lapic.acknowledge() == 0x31);
    CHECK(lapic.acknowledge() == -1);
}

TEST_CASE("any sequence of accesses to IOAPIC and LAPICs is harmless") {
    Fixture f;
    IoApic ioapic(f.bus, f.log);
    f.bus.attach(ioapic);
    u32 seed = 5;
    const auto next = [&] { return seed = seed * 1664525 + 1013904223, seed >> 16; };
    for (int i = 0; i < 100'000; ++i) {
        Cpu& cpu = next() % 2 ? f.c0 : f.c1;
        const u32 value = next() % 2 ? next() : next() << 16 | next();
        switch (next() % 8) {
            case 0:
                ioapic.mmio_write(0, 4, next() % 0x40);
                break;
            case 1:
                ioapic.mmio_write(next() % 2 ? 0x10 : 0x40, 4, value);
                break;
            case 2:
                ioapic.set_level(next() % 26, next() % 2);
                break;
            case 3:
                cpu.lapic.set_level(next() % 3, next() % 2);
                break;
            case 4:
                cpu.lapic.acknowledge(), cpu.write(0xb0, 0);
                break;
            case 5:
                cpu.lapic.write_msr(0x800 + next() % 0x41, value);
                break;
            case 6:
                cpu.lapic.write_apic_base(0xfee00000 | (next() % 4) << 10 | (next() % 2) << 8);
                break;
            default:
                cpu.lapic.mmio_write((next() % 0x40) << 4, next() % 4 ? 4 : 1, value);
                break;
        }
        cpu.read((next() % 0x100) << 4);
        f.clock.advance(next());
        f.queue.run_due();
        const u64 deadline = f.queue.next_deadline_ns();
        REQUIRE((deadline == TimerQueue::kNever || deadline > f.clock.now_ns()));
    }
}
