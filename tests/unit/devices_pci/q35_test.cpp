#include "devices/pci/ich9_chipset_registers.h"
#include "devices/pci/ich9_lpc_bridge.h"
#include "devices/pci/ich9_smbus.h"
#include "devices/pci/movable_range.h"
#include "devices/pci/pci_ecam.h"
#include "devices/pci/q35_host_bridge.h"
#include "pci_fixture.h"

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

constexpr u8 kHost = pci_devfn(0, 0), kLpc = pci_devfn(31, 0), kSmbus = pci_devfn(31, 3);

}  // namespace

TEST_CASE("q35: PAM, SMRAM with its lock, and the identity that firmware looks for") {
    PciFixture p;
    unsigned changes = 0;
    Q35HostBridge host([&] { ++changes; });
    const Mapping plug = p.bus.attach(kHost, host);
    CHECK(p.read(kHost, 0, 4) == 0x29c08086);
    CHECK(p.read(kHost, kPciSubsystemVendorId, 4) == 0x11001af4);
    p.write(kHost, 0x90, 1, 0xff);  // PAM0
    CHECK(p.read(kHost, 0x90, 1) == 0x30);
    CHECK(host.pam_segment(0).write_ram);
    p.write(kHost, 0x96, 1, 0x10);  // PAM6: E8000 and EC000
    CHECK(host.pam_segment(12).base == 0xec000);
    CHECK(host.pam_segment(12).read_ram);
    CHECK_FALSE(host.pam_segment(11).read_ram);
    CHECK(changes == 2);
    p.write(kHost, 0x9d, 1, 0x4a);
    CHECK(host.smram_open());
    p.write(kHost, 0x9d, 1, 0x5a);
    p.write(kHost, 0x9d, 1, 0x4a);
    CHECK_FALSE(host.smram_open());
    Q35HostBridge copy;
    copy_state(host, copy);
    CHECK(copy.pam_segment(12).read_ram);
}

TEST_CASE("q35: TSEG and high SMRAM, and what the lock freezes") {
    PciFixture p;
    unsigned changes = 0;
    Q35HostBridge host([&] { ++changes; });
    const Mapping plug = p.bus.attach(kHost, host);
    p.write(kHost, 0xac, 4, 0x07fabcde);
    p.write(kHost, 0x9e, 1, 0x03);
    CHECK_FALSE(host.tseg());  // without G_SMRAME
    p.write(kHost, 0x9d, 1, 0x0a);
    CHECK(host.tseg() == Q35HostBridge::Tseg{0x07f00000, 2 * MiB});
    p.write(kHost, 0x9e, 1, 0x05);
    CHECK(host.tseg()->size == 8 * MiB);
    p.write(kHost, 0x9e, 1, 0x07);
    CHECK_FALSE(host.tseg());  // reserved size
    CHECK(changes == 5);
    host.set_smram_error();
    CHECK(p.read(kHost, 0x9e, 1) == 0x7f);
    p.write(kHost, 0x9e, 1, 0xc1);
    CHECK(p.read(kHost, 0x9e, 1) == 0xb9);
    CHECK(host.high_smram());
    p.write(kHost, 0x9d, 1, 0x4a);
    CHECK(host.smram_open());
    CHECK_FALSE(host.smram_in_video_hole());

    p.write(kHost, 0x9d, 1, 0x1a);
    p.write(kHost, 0x9d, 1, 0x62);
    CHECK(p.read(kHost, 0x9d, 1) == 0x3a);  // D_CLS alone is writable
    p.write(kHost, 0x9e, 1, 0);
    p.write(kHost, 0xac, 4, 0);
    CHECK(p.read(kHost, 0x9e, 1) == 0xb9);
    CHECK(host.tseg() == Q35HostBridge::Tseg{0x07f00000, 1 * MiB});
    PciFixture q;
    Q35HostBridge copy;
    const Mapping copy_plug = q.bus.attach(kHost, copy);
    copy_state(host, copy);
    q.write(kHost, 0x9e, 1, 0);
    CHECK(copy.tseg() == host.tseg());
    host.reset(ResetKind::kWarm);
    p.write(kHost, 0x9e, 1, 0x01);
    CHECK(p.read(kHost, 0x9e, 1) == 0x39);
}

TEST_CASE("q35: PCIEXBAR's base and length") {
    PciFixture p;
    std::optional<Q35HostBridge::Ecam> told;
    Q35HostBridge host({}, [&](auto ecam) { told = ecam; });
    const Mapping plug = p.bus.attach(kHost, host);
    CHECK_FALSE(host.ecam());
    const auto expect = [&](u32 value, u64 base, u64 size) {
        p.write(kHost, 0x60, 4, value);
        REQUIRE(told);
        CHECK(told->base == base);
        CHECK(told->size == size);
    };
    expect(0xbfffff01, 0xb0000000, 256 * MiB);
    expect(0xbfffff03, 0xb8000000, 128 * MiB);
    expect(0xbfffff05, 0xbc000000, 64 * MiB);
    p.write(kHost, 0x60, 4, 0xb0000007);  // reserved length
    CHECK_FALSE(told);
    p.write(kHost, 0x64, 4, 0xffffffff);
    expect(0xb0000001, 0xfb0000000, 256 * MiB);
    host.set_ecam(0xe0000000);
    CHECK(told->base == 0xe0000000);
    std::optional<Q35HostBridge::Ecam> copied;
    Q35HostBridge copy({}, [&](auto ecam) { copied = ecam; });
    copy_state(host, copy);
    CHECK((copied && copied->base == 0xe0000000));
    host.reset(ResetKind::kWarm);
    CHECK_FALSE(told);
}

TEST_CASE("ecam: 4 KiB for each function, of conventional ones 256 bytes") {
    PciFixture p;
    Q35HostBridge host;
    const Mapping plug = p.bus.attach(kHost, host);
    PciEcam ecam(p.bus);
    CHECK(ecam.mmio_read(0, 4) == 0x29c08086);
    CHECK(ecam.mmio_read(2, 2) == 0x29c0);
    CHECK(ecam.mmio_read(0, 8) == (u64{p.read(kHost, 4, 4)} << 32 | 0x29c08086));
    CHECK(ecam.mmio_read(0x100, 4) == 0xffffffff);
    CHECK(ecam.mmio_read(0x1000, 4) == 0xffffffff);   // function 1
    CHECK(ecam.mmio_read(MiB, 2) == 0xffff);          // bus 1
    ecam.mmio_write(0xdc, 8, 0x1122334455667788);     // SKPD
    CHECK(p.read(kHost, 0xdc, 4) == 0x55667788);
    ecam.mmio_write(0x1dc, 4, 0);                     // not the same register
    CHECK(p.read(kHost, 0xdc, 4) == 0x55667788);
}

TEST_CASE("movable ranges wait for addresses that somebody has") {
    PciFixture p;
    Q35HostBridge host;
    PciEcam ecam(p.bus);
    MovableRange first(p.space, u64{16 * MiB}, ecam, "first"), second(p.space, u64{16 * MiB}, ecam, "second");
    first.move(0xc0000000);
    second.move(0xc0800000);
    CHECK(first.base() == 0xc0000000);
    CHECK_FALSE(second.base());
    CHECK(p.space.has_overlaps());
    first.resize(8 * MiB);
    CHECK(second.base() == 0xc0800000);
    second.move(0x1000);  // RAM's
    CHECK_FALSE(second.base());
    CHECK_FALSE(p.space.has_overlaps());
    first.move(std::nullopt);
    CHECK(p.mmio.ranges().empty());
}

TEST_CASE("ich9: a PIRQ reaches its I/O APIC pin, and the ISA IRQ that its register names") {
    FakeIrqs gsis;
    PciFixture p;
    Ich9LpcBridge lpc(gsis);
    const Mapping plug = p.bus.attach(kLpc, lpc);
    CHECK(p.read(kLpc, 0, 4) == 0x29188086);
    CHECK(p.read(kLpc, kPciHeaderType, 1) == 0x80);
    lpc.pirq_inputs().set_level(5, true);  // PIRQF
    CHECK(gsis.levels[21]);
    CHECK(gsis.changes == 1);
    p.write(kLpc, 0x69, 1, 11);
    CHECK(gsis.levels[11]);
    lpc.pirq_inputs().set_level(0, true);
    p.write(kLpc, 0x60, 1, 11);
    lpc.pirq_inputs().set_level(5, false);
    CHECK_FALSE(gsis.levels[21]);
    CHECK(gsis.levels[11]);
    FakeIrqs others;
    Ich9LpcBridge copy(others);
    copy_state(lpc, copy);
    CHECK(others.changes == 0);
    copy.pirq_inputs().set_level(0, false);
    CHECK((others.levels.count(11) == 1 && !others.levels[11]));
    check_truncations(copy);
    lpc.reset(ResetKind::kWarm);
    CHECK_FALSE(gsis.levels[11]);
}

TEST_CASE("ich9: where power management and chipset registers are") {
    FakeIrqs gsis;
    std::optional<u64> pm, registers;
    PciFixture p;
    Ich9LpcBridge lpc(gsis, [&](auto base) { pm = base; }, [&](auto base) { registers = base; });
    const Mapping plug = p.bus.attach(kLpc, lpc);
    p.write(kLpc, 0x40, 4, 0x0601);
    CHECK_FALSE(pm);
    p.write(kLpc, 0x44, 1, 0x80);
    CHECK(pm == 0x600);
    p.write(kLpc, 0x40, 4, 0xffffffff);
    CHECK(p.read(kLpc, 0x40, 4) == 0xff81);
    p.write(kLpc, 0xf0, 4, 0xfed1ffff);
    CHECK(registers == 0xfed1c000);
    Ich9LpcBridge copy(gsis);
    copy_state(lpc, copy);
    CHECK(copy.root_complex_base() == 0xfed1c000);
    lpc.reset(ResetKind::kWarm);
    CHECK_FALSE(pm);
    CHECK_FALSE(registers);
}

TEST_CASE("ich9: chipset registers route the pins of its slots") {
    unsigned changes = 0;
    Ich9ChipsetRegisters r([&] { ++changes; });
    CHECK(r.pirq(1, 1) == 5);  // slots outside: E to H
    CHECK(r.pirq(24, 4) == 7);
    CHECK(r.pirq(31, 1) == 0);
    CHECK(r.pirq(25, 4) == 3);
    r.mmio_write(0x3140, 2, 0xffff);  // D31IR
    CHECK(r.mmio_read(0x3140, 2) == 0x7777);
    CHECK(r.pirq(31, 3) == 7);
    CHECK(r.pirq(29, 3) == 2);
    CHECK(changes == 2);  // a byte each
    r.mmio_write(0x3144, 1, 0x54);
    CHECK(r.mmio_read(0x3144, 4) == 0x32103254);  // D29IR, and D28IR behind it
    CHECK(r.pirq(29, 2) == 5);
    CHECK((r.mmio_read(0x3410, 4) & 0x20) != 0);
    r.mmio_write(0x3ffc, 8, ~u64{0});
    Ich9ChipsetRegisters copy;
    copy_state(r, copy);
    CHECK(copy.pirq(31, 3) == 7);
    check_truncations(copy);
    r.reset(ResetKind::kWarm);
    CHECK(r.pirq(31, 3) == 2);
}

TEST_CASE("ich9 smbus: nobody acknowledges") {
    PciFixture p;
    Ich9Smbus smbus;
    const Mapping plug = p.bus.attach(kSmbus, smbus);
    CHECK(p.read(kSmbus, 0, 4) == 0x29308086);
    p.write(kSmbus, 0x20, 4, 0x701);
    p.write(kSmbus, kPciCommand, 2, kPciCommandIo);
    CHECK(p.io.read(0x70e, 1) == 0xff);  // HST_EN is clear
    p.write(kSmbus, 0x40, 1, 1);
    CHECK(p.io.read(0x70e, 1) == 0x07);
    p.io.write(0x704, 1, 0xa1);
    p.io.write(0x702, 1, 0x49);  // start, with interrupt
    CHECK(p.io.read(0x702, 1) == 0x09);
    CHECK(p.io.read(0x700, 1) == 0x04);
    CHECK(p.io.read(0x700, 1) == 0x44);  // in use from the first read on
    CHECK((p.read(kSmbus, kPciStatus, 2) & kPciStatusInterrupt) != 0);
    PciFixture q;
    Ich9Smbus copy;
    const Mapping plug_copy = q.bus.attach(kSmbus, copy);
    copy_state(smbus, copy);
    CHECK(q.io.read(0x704, 1) == 0xa1);
    p.io.write(0x700, 1, 0xff);
    CHECK(p.io.read(0x700, 1) == 0);
    CHECK((p.read(kSmbus, kPciStatus, 2) & kPciStatusInterrupt) == 0);

    p.io.write(0x70d, 1, 2);  // the block register is a buffer
    for (const u8 byte : {1, 2, 3}) p.io.write(0x707, 1, byte);
    p.io.read(0x702, 1);
    CHECK(p.io.read(0x707, 1) == 1);
    CHECK(p.io.read(0x707, 1) == 2);
    check_truncations(smbus);
}
