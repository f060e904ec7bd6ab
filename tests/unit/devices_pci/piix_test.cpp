#include "devices/pci/i440fx_host_bridge.h"
#include "devices/pci/piix3_isa_bridge.h"
#include "devices/pci/piix4_power.h"
#include "pci_fixture.h"

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

struct FakeReset : IoHandler {
    u32 io_read(u16, unsigned) override { return 0x5a; }
    void io_write(u16, unsigned, u32 value) override { last = value; }
    u32 last = 0;
};

constexpr u8 kHost = pci_devfn(0, 0), kIsa = pci_devfn(1, 0), kPm = pci_devfn(1, 3);

}  // namespace

TEST_CASE("config mechanism 1: address, data, and the reset control register inside it") {
    PciFixture p;
    I440fxHostBridge host;
    const Mapping plug = p.bus.attach(kHost, host);
    FakeReset reset;
    PciConfigPorts ports(p.bus, &reset);
    const Mapping map = p.io.map(PciConfigPorts::kPort, PciConfigPorts::kPorts, ports, "pci-config", IoBus::kAll);

    CHECK(p.io.read(0xcfc, 4) == 0xffffffff);  // not enabled
    p.io.write(0xcf8, 4, 0x80000000);
    CHECK(p.io.read(0xcf8, 4) == 0x80000000);
    CHECK(p.io.read(0xcfc, 4) == 0x12378086);
    CHECK(p.io.read(0xcfe, 2) == 0x1237);
    CHECK(p.io.read(0xcfd, 1) == 0x80);
    CHECK(p.io.read(0xcfd, 4) == 0xff123780);  // runs out of the port range
    p.io.write(0xcf8, 4, 0xffffffff);
    CHECK(p.io.read(0xcf8, 4) == 0x80fffffc);
    CHECK(p.io.read(0xcfc, 4) == 0xffffffff);

    // Linux' pci_check_type1 writes a byte to 0xcfb first: it must not disturb the address register.
    p.io.write(0xcf8, 4, 0x80000004);
    p.io.write(0xcfb, 1, 0x01);
    CHECK(p.io.read(0xcf8, 4) == 0x80000004);
    CHECK(p.io.read(0xcf9, 1) == 0x5a);
    p.io.write(0xcf9, 1, 6);
    CHECK(reset.last == 6);
    p.io.write(0xcf8, 2, 0x0200);
    CHECK(reset.last == 2);

    p.io.write(0xcf8, 4, 0x80000058);
    p.io.write(0xcfd, 1, 0x30);  // PAM0
    CHECK(host.pam_segment(0).read_ram);
    p.io.write(0xcf8, 4, 0x80008000);  // slot 16: nobody
    CHECK(p.io.read(0xcfc, 4) == 0xffffffff);
    PciConfigPorts copy(p.bus, &reset);
    copy_state(ports, copy);
}

TEST_CASE("i440fx: PAM segments and SMRAM") {
    PciFixture p;
    unsigned changes = 0;
    I440fxHostBridge host([&] { ++changes; });
    const Mapping plug = p.bus.attach(kHost, host);
    CHECK(p.read(kHost, 0, 4) == 0x12378086);
    CHECK(p.read(kHost, 0x0a, 2) == 0x0600);
    for (unsigned n = 0; n < 13; ++n) {
        CHECK_FALSE(host.pam_segment(n).read_ram);
        CHECK_FALSE(host.pam_segment(n).write_ram);
    }
    CHECK(host.pam_segment(0).base == 0xf0000);
    CHECK(host.pam_segment(1).base == 0xc0000);
    CHECK(host.pam_segment(12).base == 0xec000);
    p.write(kHost, 0x5d, 1, 0xff);  // PAM4: D8000 and DC000
    CHECK(p.read(kHost, 0x5d, 1) == 0x33);
    CHECK(host.pam_segment(7).base == 0xd8000);
    CHECK(host.pam_segment(7).read_ram);
    CHECK(host.pam_segment(8).write_ram);
    CHECK_FALSE(host.pam_segment(9).read_ram);
    p.write(kHost, 0x59, 4, 0x00000010);
    CHECK(host.pam_segment(0).read_ram);
    CHECK_FALSE(host.pam_segment(0).write_ram);
    CHECK(changes == 2);
    p.write(kHost, 0x80, 1, 1);
    CHECK(changes == 2);
    host.set_all_pam(true, true);
    CHECK(host.pam_segment(0).write_ram);
    CHECK(host.pam_segment(12).read_ram);

    p.write(kHost, 0x72, 1, 0x42);  // without G_SMRAME
    CHECK_FALSE(host.smram_open());
    p.write(kHost, 0x72, 1, 0x6a);  // open and closed
    CHECK_FALSE(host.smram_open());
    p.write(kHost, 0x72, 1, 0x4a);
    CHECK(host.smram_in_video_hole());
    p.write(kHost, 0x72, 1, 0x5a);  // lock
    CHECK_FALSE(host.smram_open());
    p.write(kHost, 0x72, 1, 0x4a);
    CHECK_FALSE(host.smram_open());
    CHECK(p.read(kHost, 0x72, 1) == 0x1a);
    p.write(kHost, 0x72, 1, 0xe2);  // the lock leaves D_CLS and G_SMRAME
    CHECK(p.read(kHost, 0x72, 1) == 0x32);
    PciFixture q;
    I440fxHostBridge copy;
    const Mapping copy_plug = q.bus.attach(kHost, copy);
    copy_state(host, copy);
    q.write(kHost, 0x72, 1, 0x4a);
    CHECK(q.read(kHost, 0x72, 1) == 0x1a);  // locked there too
    host.reset(ResetKind::kWarm);
    CHECK_FALSE(host.pam_segment(0).read_ram);
    CHECK(p.read(kHost, 0x72, 1) == 0x02);
    p.write(kHost, 0x72, 1, 0x4a);
    CHECK(host.smram_open());
}

TEST_CASE("piix3: PIRQs reach the ISA IRQs that the registers name") {
    FakeIrqs isa;
    PciFixture p;
    Piix3IsaBridge bridge(isa);
    const Mapping plug = p.bus.attach(kIsa, bridge);
    CHECK(p.read(kIsa, 0, 4) == 0x70008086);
    CHECK(p.read(kIsa, kPciHeaderType, 1) == 0x80);
    CHECK(p.read(kIsa, 0x60, 4) == 0x80808080);
    bridge.pirq_inputs().set_level(0, true);
    CHECK(isa.changes == 0);
    p.write(kIsa, 0x60, 1, 10);
    CHECK(isa.levels[10]);
    p.write(kIsa, 0x60, 4, 0x8080050b);  // A to 11, B to 5
    CHECK_FALSE(isa.levels[10]);
    CHECK(isa.levels[11]);
    p.write(kIsa, 0x61, 1, 11);
    bridge.pirq_inputs().set_level(1, true);
    bridge.pirq_inputs().set_level(0, false);
    CHECK(isa.levels[11]);  // shared
    FakeIrqs other_isa;
    Piix3IsaBridge copy(other_isa);
    copy_state(bridge, copy);
    bridge.pirq_inputs().set_level(1, false);
    CHECK_FALSE(isa.levels[11]);
    for (const u8 reserved : {0, 1, 2, 8, 13}) {
        bridge.pirq_inputs().set_level(0, true);
        p.write(kIsa, 0x60, 1, reserved);
        CHECK_FALSE(isa.levels[reserved]);
    }
    bridge.route(0, 9);
    CHECK(isa.levels[9]);
    bridge.reset(ResetKind::kWarm);
    CHECK_FALSE(isa.levels[9]);
}

TEST_CASE("piix4: the machine hears where the power management ports are") {
    std::optional<u16> pm, smbus;
    PciFixture p;
    Piix4Power power([&](auto base) { pm = base; }, [&](auto base) { smbus = base; });
    const Mapping plug = p.bus.attach(kPm, power);
    CHECK(p.read(kPm, 0, 4) == 0x71138086);
    p.write(kPm, 0x40, 4, 0x0601);
    CHECK_FALSE(pm);
    p.write(kPm, 0x80, 1, 1);
    CHECK(pm == 0x600);
    CHECK(p.read(kPm, 0x40, 4) == 0x601);
    p.write(kPm, 0x40, 4, 0xb000);
    CHECK(pm == 0xb000);
    p.write(kPm, 0x90, 4, 0xb101);
    p.write(kPm, 0xd2, 1, 9);
    CHECK_FALSE(smbus);
    p.write(kPm, 4, 2, 1);
    CHECK(smbus == 0xb100);
    Piix4Power copy;
    copy_state(power, copy);
    CHECK(copy.pm_base() == 0xb000);
    power.reset(ResetKind::kWarm);
    CHECK_FALSE(pm);
    CHECK_FALSE(smbus);
    power.set_pm_base(0x600);
    CHECK(pm == 0x600);
}
