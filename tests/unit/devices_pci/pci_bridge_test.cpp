#include "devices/pci/pci_ecam.h"
#include "devices/pci/pcie_root_port.h"
#include "pci_fixture.h"

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

class Endpoint : public PciDevice, public IoHandler, public MmioHandler {
  public:
    Endpoint() : PciDevice({.vendor_id = 0x1234, .device_id = 0x5678, .class_code = 0xff0000, .interrupt_pin = 1}) {
        add_io_bar(0, 32, *this);
        add_memory_bar(1, 4096, *this);
    }
    std::string_view name() const override { return "endpoint"; }
    void visit(StateArchive& a) override {
        a.section(name(), 1, [&](u32) { visit_config(a); });
    }
    u32 io_read(u16, unsigned) override { return 0x11; }
    void io_write(u16, unsigned, u32) override {}
    u64 mmio_read(u64, unsigned) override { return 0x22; }
    void mmio_write(u64, unsigned, u64) override {}
    using PciDevice::set_interrupt;
};

constexpr u8 kPort = pci_devfn(3, 0);

/// A root port in slot 3 with an endpoint behind it.
struct BridgeRig : PciFixture {
    PcieRootPort port{"rp", 7, space};
    Endpoint endpoint;
    Mapping port_plug = bus.attach_bridge(kPort, port), endpoint_plug = port.plug(endpoint);

    u32 behind(u16 offset, unsigned size, u8 number = 5) { return bus.config_read(number, 0, offset, size); }
    void behind(u16 offset, unsigned size, u32 value, u8 number) { bus.config_write(number, 0, offset, size, value); }
    void set_up() {
        write(kPort, 0x18, 4, 0x00060500);  // buses 5 to 6
        write(kPort, 0x1c, 2, 0xd0d0);      // ports D000 to DFFF
        write(kPort, 0x20, 4, 0xe010e000);  // memory E0000000 to E01FFFFF
        write(kPort, kPciCommand, 2, 7);
        behind(0x10, 4, 0xd040, 5);
        behind(0x14, 4, 0xe0100000, 5);
        behind(kPciCommand, 2, 7, 5);
    }
};

}  // namespace

TEST_CASE("bridge: configuration cycles go by bus number") {
    BridgeRig r;
    CHECK(r.read(kPort, kPciHeaderType, 1) == 1);
    CHECK(r.behind(0, 4, 1) == 0xffffffff);
    r.write(kPort, 0x18, 4, 0x00060500);
    CHECK(r.behind(0, 4) == 0x56781234);
    CHECK(r.behind(0, 4, 4) == 0xffffffff);
    CHECK(r.behind(0, 4, 6) == 0xffffffff);  // forwarded, and nobody there
    CHECK(r.bus.config_read(5, pci_devfn(1, 0), 0, 4) == 0xffffffff);
    r.write(kPort, 0x18, 4, 0x00000000);  // all zeros: bus 0 stays itself
    CHECK(r.read(kPort, 0, 4) == 0x000c1b36);
}

TEST_CASE("bridge: what its windows and command register do not let through is not decoded") {
    BridgeRig r;
    r.set_up();
    CHECK(r.io.read(0xd040, 1) == 0x11);
    CHECK(r.mmio.read(0xe0100000, 4) == 0x22);
    CHECK(r.endpoint.bus_master());
    r.write(kPort, 0x20, 4, 0xe000e000);  // memory to E00FFFFF
    CHECK_FALSE(r.mmio.mapped(0xe0100000));
    r.write(kPort, 0x24, 4, 0xe011e011);  // but prefetchable memory from E0100000 on
    CHECK(r.mmio.mapped(0xe0100000));
    r.write(kPort, 0x28, 4, 1);  // above 4 GiB
    CHECK_FALSE(r.mmio.mapped(0xe0100000));
    r.write(kPort, 0x1d, 1, 0xc0);  // base above limit
    CHECK(r.io.read(0xd040, 1) == 0xff);
    r.set_up();
    CHECK(r.mmio.mapped(0xe0100000));
    r.write(kPort, kPciCommand, 2, kPciCommandIo);
    CHECK(r.io.read(0xd040, 1) == 0x11);
    CHECK_FALSE(r.mmio.mapped(0xe0100000));
    CHECK_FALSE(r.endpoint.bus_master());
    r.port.reset(ResetKind::kWarm);
    CHECK(r.io.read(0xd040, 1) == 0xff);
}

TEST_CASE("bridge: INTx behind it comes out at its slot") {
    BridgeRig r;
    r.endpoint.set_interrupt(true);  // slot 3, INTA: PIRQC
    CHECK(r.pirqs.levels[2]);
    r.set_up();
    r.write(kPort, kPciCommand, 2, kPciCommandIntxDisable);  // concerns the port's own interrupts
    CHECK(r.pirqs.levels[2]);
    r.endpoint.set_interrupt(false);
    CHECK_FALSE(r.pirqs.levels[2]);
    r.endpoint.set_interrupt(true);
    r.endpoint_plug.release();
    CHECK_FALSE(r.pirqs.levels[2]);
}

TEST_CASE("bridge: its reset bit resets what is behind, once") {
    BridgeRig r;
    r.set_up();
    r.write(kPort, 0x3e, 2, 0x40);
    CHECK(r.behind(kPciCommand, 2) == 0);
    r.behind(kPciCommand, 2, 7, 5);
    r.write(kPort, 0x3e, 2, 0x40);
    CHECK(r.behind(kPciCommand, 2) == 7);
    r.write(kPort, 0x3e, 2, 0);
    r.write(kPort, 0x3e, 2, 0x40);
    CHECK(r.behind(kPciCommand, 2) == 0);
}

TEST_CASE("root port: the Express capability says what the slot holds") {
    BridgeRig r;
    PcieRootPort empty("empty", 0x1fff, r.space);
    const Mapping plug = r.bus.attach_bridge(pci_devfn(4, 0), empty);
    u8 at = static_cast<u8>(r.read(kPort, kPciCapabilities, 1));
    while (at != 0 && r.read(kPort, at, 1) != kPciCapabilityExpress) at = static_cast<u8>(r.read(kPort, static_cast<u8>(at + 1), 1));
    const auto read = [&](u8 devfn, unsigned offset, unsigned size) { return r.read(devfn, static_cast<u8>(at + offset), size); };
    CHECK(read(kPort, 0, 1) == 0x10);
    CHECK(read(kPort, 2, 2) == 0x142);       // version 2, root port, slot
    CHECK(read(kPort, 0x12, 2) == 0x3011);   // x1 at 2.5 GT/s, active
    CHECK(read(kPort, 0x1a, 2) == 0x40);     // present
    CHECK(read(kPort, 0x14, 4) >> 19 == 7);  // slot number
    CHECK(read(pci_devfn(4, 0), 0x12, 2) == 0x1011);
    CHECK(read(pci_devfn(4, 0), 0x1a, 2) == 0);
    CHECK(read(pci_devfn(4, 0), 0x14, 4) >> 19 == 0x1fff);
    CHECK(empty.occupied() == false);
    PciEcam ecam(r.bus);
    CHECK(ecam.mmio_read(u64{kPort} << 12 | 0x100, 4) == 0);  // no extended capability
}

TEST_CASE("bridge: state") {
    BridgeRig r, other;
    r.set_up();
    r.endpoint.set_interrupt(true);
    copy_state(r.bus, other.bus);
    copy_state(r.port, other.port);
    copy_state(r.endpoint, other.endpoint);
    CHECK(other.mmio.mapped(0xe0100000));
    other.endpoint.set_interrupt(false);
    CHECK_FALSE(other.pirqs.levels[2]);
    check_truncations(other.port);
    StateArchive saver = StateArchive::saver();
    PciFixture p;
    PcieRootPort alone("rp", 7, p.space);
    StateArchive loader = StateArchive::loader(saved(r.port));
    alone.visit(loader);
    CHECK(loader.failed());  // an interrupt of a function that is not there
}

TEST_CASE("bridge: random configuration writes never trip over each other") {
    BridgeRig r;
    u64 seed = 0x9e3779b97f4a7c15;
    const auto next = [&] { return seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17; };
    unsigned decoded = 0;
    for (int n = 0; n < 20000; ++n) {
        if (n % 100 == 0) r.set_up();
        const u64 random = next();
        const u8 offset = static_cast<u8>(0x04 + random % 0x3c);
        const u32 value = static_cast<u32>(next());
        if ((random & 256) != 0)
            r.write(kPort, offset, 1 << (random >> 12 & 1), value);
        else
            r.behind(offset, 4, value, static_cast<u8>(r.read(kPort, 0x19, 1)));
        const auto base = r.endpoint.bar_base(1);
        decoded += base.has_value();
        if (base) REQUIRE(r.mmio.mapped(*base));
    }
    CHECK(decoded > 100);
}
