#include "pci_fixture.h"

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

/// A function with one BAR of each kind, a ROM and two capabilities.
class TestFunction : public PciDevice, public IoHandler, public MmioHandler {
  public:
    explicit TestFunction(u8 pin = 1)
        : PciDevice(
              {.vendor_id = 0x1234, .device_id = 0x5678, .class_code = 0x020304, .revision = 9, .interrupt_pin = pin}) {
        add_io_bar(0, 32, *this);
        add_memory_bar(1, 4096, *this);
        add_memory_bar(2, 1 * MiB, *this, PciBarKind::kMemory64);
        add_bar(kRomBar, PciBarKind::kRom, 64 * KiB, [this](u64 base) {
            rom_base = base;
            return Mapping([this] { rom_base = 0; });
        });
        first_capability = add_capability(0x05, 14);
        second_capability = add_capability(0x11, 12);
        set_register(0x80, 4, 0x11223344, 0x0000ff00, 0x00ff0000);
    }
    std::string_view name() const override { return "test-function"; }
    void visit(StateArchive& a) override {
        a.section(name(), 1, [&](u32) { visit_config(a); });
    }
    u32 io_read(u16 offset, unsigned) override { return 0x100u + offset; }
    void io_write(u16, unsigned, u32) override {}
    u64 mmio_read(u64 offset, unsigned) override { return 0x200 + offset; }
    void mmio_write(u64, unsigned, u64) override {}
    void config_written(u8 offset, unsigned) override { last_write = offset; }
    using PciDevice::set_interrupt;

    u64 rom_base = 0;
    u8 last_write = 0, first_capability = 0, second_capability = 0;
};

constexpr u8 kSlot3 = pci_devfn(3, 0), kSlot4 = pci_devfn(4, 0);

}  // namespace

TEST_CASE("pci: identity, read-only bits and write-one-to-clear bits") {
    PciFixture p;
    TestFunction f;
    const Mapping plug = p.bus.attach(kSlot3, f);
    CHECK(p.read(kSlot3, 0, 4) == 0x56781234);
    CHECK(p.read(kSlot3, 8, 4) == 0x02030409);
    CHECK(p.read(kSlot3, 9, 1) == 0x04);
    p.write(kSlot3, 0, 4, 0xffffffff);
    CHECK(p.read(kSlot3, 0, 4) == 0x56781234);
    p.write(kSlot3, 0x80, 4, 0x00f0aa00);
    CHECK(p.read(kSlot3, 0x80, 4) == 0x1102aa44);
    CHECK(f.last_write == 0x80);
    CHECK(p.read(kSlot3, 0xfe, 4) >> 16 == 0xffff);  // beyond the end
    p.write(kSlot3, 0xff, 4, 0);
}

TEST_CASE("pci: empty functions and other buses read all ones and ignore writes") {
    PciFixture p;
    CHECK(p.read(kSlot3, 0, 4) == 0xffffffff);
    CHECK(p.read(kSlot3, 0, 2) == 0xffff);
    CHECK(p.bus.config_read(1, 0, 0, 4) == 0xffffffff);
    p.write(kSlot3, 4, 2, 7);
}

TEST_CASE("pci: sizing a BAR gives its size and type") {
    PciFixture p;
    TestFunction f;
    const Mapping plug = p.bus.attach(kSlot3, f);
    for (u8 bar = 0x10; bar < 0x28; bar += 4) p.write(kSlot3, bar, 4, 0xffffffff);
    p.write(kSlot3, 0x30, 4, 0xfffff800);
    CHECK(p.read(kSlot3, 0x10, 4) == 0xffffffe1);
    CHECK(p.read(kSlot3, 0x14, 4) == 0xfffff000);
    CHECK(p.read(kSlot3, 0x18, 4) == 0xfff00004);
    CHECK(p.read(kSlot3, 0x1c, 4) == 0xffffffff);
    CHECK(p.read(kSlot3, 0x20, 4) == 0);
    CHECK(p.read(kSlot3, 0x30, 4) == 0xffff0000);
}

TEST_CASE("pci: a BAR is decoded where it is put, when the command register says so") {
    PciFixture p;
    TestFunction f;
    const Mapping plug = p.bus.attach(kSlot3, f);
    p.write(kSlot3, 0x10, 4, 0xc040);
    p.write(kSlot3, 0x14, 4, 0xfe000000);
    p.write(kSlot3, 0x18, 4, 0x00100000);
    p.write(kSlot3, 0x1c, 4, 0x8);
    CHECK(p.io.read(0xc041, 1) == 0xff);
    p.write(kSlot3, 4, 2, kPciCommandIo);
    CHECK(p.io.read(0xc041, 4) == 0x101);
    CHECK_FALSE(p.mmio.mapped(0xfe000000));
    p.write(kSlot3, 4, 2, kPciCommandIo | kPciCommandMemory);
    CHECK(p.mmio.read(0xfe000010, 4) == 0x210);
    CHECK(p.mmio.read(0x800100004, 4) == 0x204);
    p.write(kSlot3, 0x14, 4, 0xfd000000);
    CHECK(p.mmio.mapped(0xfd000000));
    CHECK_FALSE(p.mmio.mapped(0xfe000000));
    CHECK(f.rom_base == 0);
    p.write(kSlot3, 0x30, 4, 0xfc000001);
    CHECK(f.rom_base == 0xfc000000);
    f.reset(ResetKind::kWarm);
    CHECK_FALSE(p.mmio.mapped(0xfd000000));
    CHECK(p.io.read(0xc041, 1) == 0xff);
    CHECK(f.rom_base == 0);
}

TEST_CASE("pci: overlapping or impossible addresses are not decoded, and are as soon as they are free") {
    PciFixture p;
    TestFunction a, b;
    IoBus::Sizes sizes = IoBus::kAll;
    const Mapping uart = p.io.map(0x3f8, 8, a, "uart", sizes);
    const Mapping plug_a = p.bus.attach(kSlot3, a), plug_b = p.bus.attach(kSlot4, b);
    for (const u8 slot : {kSlot3, kSlot4}) {
        p.write(slot, 4, 2, kPciCommandIo | kPciCommandMemory);
        p.write(slot, 0x14, 4, 0xfe000000);
    }
    CHECK(a.bar_base(1) == 0xfe000000);
    CHECK_FALSE(b.bar_base(1));
    p.write(kSlot3, 0x14, 4, 0xfe100000);
    CHECK(b.bar_base(1) == 0xfe000000);
    p.write(kSlot3, 0x10, 4, 0x3e0);  // over the UART
    CHECK_FALSE(a.bar_base(0));
    for (const u32 bad : {0x00000000u, 0x00100000u, 0xfec00000u, 0xffffffffu}) {
        p.write(kSlot3, 0x14, 4, bad);
        CHECK_FALSE(a.bar_base(1));
    }
    p.write(kSlot3, 0x10, 4, 0x1fff0);
    CHECK_FALSE(a.bar_base(0));
    p.write(kSlot3, 0x10, 4, 0xffe0);
    CHECK(a.bar_base(0) == 0xffe0);
    p.write(kSlot3, 0x18, 4, 0xffffffff);
    p.write(kSlot3, 0x1c, 4, 0xffffffff);
    CHECK_FALSE(a.bar_base(2));
}

TEST_CASE("pci: capabilities are chained and announced") {
    PciFixture p;
    TestFunction f;
    const Mapping plug = p.bus.attach(kSlot3, f);
    CHECK((p.read(kSlot3, kPciStatus, 2) & kPciStatusCapabilities) != 0);
    const u8 first = static_cast<u8>(p.read(kSlot3, kPciCapabilities, 1));
    CHECK(p.read(kSlot3, first, 1) == 0x11);
    const u8 next = static_cast<u8>(p.read(kSlot3, first + 1, 1));
    CHECK(p.read(kSlot3, next, 1) == 0x05);
    CHECK(p.read(kSlot3, next + 1, 1) == 0);
    CHECK(f.second_capability % 4 == 0);
    CHECK(f.second_capability >= f.first_capability + 14);
    f.reset(ResetKind::kPowerOn);
    CHECK((p.read(kSlot3, kPciStatus, 2) & kPciStatusCapabilities) != 0);
}

TEST_CASE("pci: INTx is swizzled, shared and gated") {
    PciFixture p;
    TestFunction a(1), b(1), c(2);
    const Mapping plug_a = p.bus.attach(pci_devfn(3, 0), a);
    const Mapping plug_b = p.bus.attach(pci_devfn(7, 0), b);
    Mapping plug_c = p.bus.attach(pci_devfn(2, 0), c);
    a.set_interrupt(true);  // slot 3 INTA, slot 7 INTA and slot 2 INTB are all PIRQC
    CHECK(p.pirqs.levels[2]);
    b.set_interrupt(true);
    c.set_interrupt(true);
    a.set_interrupt(false);
    CHECK(p.pirqs.levels[2]);
    p.write(pci_devfn(7, 0), kPciCommand, 2, kPciCommandIntxDisable);
    CHECK((p.read(pci_devfn(7, 0), kPciStatus, 2) & kPciStatusInterrupt) != 0);
    CHECK(p.pirqs.levels[2]);
    plug_c.release();
    CHECK_FALSE(p.pirqs.levels[2]);
    p.write(pci_devfn(7, 0), kPciCommand, 2, 0);
    CHECK(p.pirqs.levels[2]);
    b.reset(ResetKind::kWarm);
    CHECK_FALSE(p.pirqs.levels[2]);
}

TEST_CASE("pci: saved state restores registers and mappings, and a hostile one cannot change the identity") {
    PciFixture p, q;
    TestFunction f, g;
    const Mapping plug = p.bus.attach(kSlot3, f), plug_q = q.bus.attach(kSlot3, g);
    p.write(kSlot3, 0x14, 4, 0xfe000000);
    p.write(kSlot3, 4, 2, kPciCommandMemory);
    f.set_interrupt(true);
    copy_state(f, g);
    CHECK(g.bar_base(1) == 0xfe000000);
    CHECK(q.pirqs.levels[2]);
    copy_state(p.bus, q.bus);

    StateArchive saved = StateArchive::saver();
    f.visit(saved);
    std::vector<u8> bytes = saved.bytes();
    std::fill(bytes.end() - 257, bytes.end() - 1, u8{0xff});
    StateArchive hostile = StateArchive::loader(bytes);
    g.visit(hostile);
    CHECK(q.read(kSlot3, 0, 4) == 0x56781234);
    CHECK(q.read(kSlot3, kPciInterruptPin, 1) == 1);
    CHECK(q.read(kSlot3, 0x14, 4) == 0xfffff000);
}

TEST_CASE("pci: random configuration writes never trip over each other") {
    PciFixture p;
    TestFunction a, b;
    const Mapping plug_a = p.bus.attach(kSlot3, a), plug_b = p.bus.attach(kSlot4, b);
    u64 seed = 0x9e3779b97f4a7c15;
    const auto next = [&] { return seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17; };
    unsigned decoded = 0;
    for (int n = 0; n < 20000; ++n) {
        const u64 r = next();
        const u8 offset = static_cast<u8>((r & 1) ? 0x10 + 4 * (r >> 8 & 7) : r >> 8);
        const u32 value = (r & 2) ? static_cast<u32>(0xfe000000 | (next() & 0x3ff000) | 3) : static_cast<u32>(next());
        p.write((r & 4) ? kSlot3 : kSlot4, offset, 1 << (r >> 4 & 3) & 7 ? 4 : 1, value);
        decoded += a.bar_base(1).has_value();
        if (a.bar_base(1) && b.bar_base(1)) REQUIRE(*a.bar_base(1) != *b.bar_base(1));
    }
    CHECK(decoded > 0);
}
