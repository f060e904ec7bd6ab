#include "devices/pci/pcie_root_port.h"
#include "pci_fixture.h"

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

using Message = std::pair<u64, u32>;

struct MsixRig {
    std::vector<Message> sent;
    Msix msix{40, [this](u64 address, u32 data) { sent.push_back({address, data}); }};

    void program(unsigned vector, u64 address, u32 data, bool masked = false) {
        msix.mmio_write(16 * vector, 8, address);
        msix.mmio_write(16 * vector + 8, 4, data);
        msix.mmio_write(16 * vector + 12, 4, masked);
    }
    u64 pending() { return msix.mmio_read(msix.pending_offset(), 8); }
};

constexpr u8 kPort = pci_devfn(3, 0);

/// A root port whose window is at E0000000 and whose vector is programmed.
struct PortRig : PciFixture {
    PcieRootPort port{"rp", 7, space};
    Mapping plug = bus.attach_bridge(kPort, port);
    std::vector<Message> sent;
    u8 msix = 0, express = 0;

    PortRig() {
        space.set_on_message([this](u64 address, u32 data) { sent.push_back({address, data}); });
        for (u8 at = static_cast<u8>(read(kPort, kPciCapabilities, 1)); at != 0; at = static_cast<u8>(read(kPort, static_cast<u8>(at + 1), 1)))
            (read(kPort, at, 1) == kPciCapabilityMsix ? msix : express) = at;
        write(kPort, kPciBar0, 4, 0xe0000000);
        write(kPort, kPciCommand, 2, kPciCommandMemory | kPciCommandMaster);
        mmio.write(0xe0000000, 8, 0xfee01000);
        mmio.write(0xe0000008, 8, 0x4041);  // and not masked
    }
    void msix_control(u16 value) { write(kPort, static_cast<u8>(msix + 2), 2, value); }
    void slot_control(u16 value) { write(kPort, static_cast<u8>(express + 0x18), 2, value); }
    u32 slot_status() { return read(kPort, static_cast<u8>(express + 0x1a), 2); }
    void clear_slot_status() { write(kPort, static_cast<u8>(express + 0x1a), 2, 0xffff); }
};

constexpr u16 kCommandInterrupts = 0x30;

}  // namespace

TEST_CASE("msix: vectors start masked, and keep what software writes") {
    MsixRig r;
    CHECK(r.msix.window_bytes() == 4096);
    CHECK(r.msix.mmio_read(16 * 39 + 12, 4) == 1);
    CHECK(r.msix.mmio_read(16 * 40 + 12, 4) == 0);  // behind the table
    r.program(39, 0x1'fee0'1007, 0x55);
    CHECK(r.msix.mmio_read(16 * 39, 8) == 0x1'fee0'1004);
    CHECK(r.msix.mmio_read(16 * 39 + 8, 8) == 0x55);
    r.msix.mmio_write(16 * 39 + 12, 4, 0xfffffffe);
    CHECK(r.msix.mmio_read(16 * 39 + 12, 4) == 0);
    r.msix.mmio_write(16 * 39 + 9, 1, 0xff);
    r.msix.mmio_write(16 * 39 + 4, 8, 0);  // neither aligned nor a dword
    CHECK(r.msix.mmio_read(16 * 39 + 8, 4) == 0x55);
    CHECK(r.msix.mmio_read(2, 2) == ~u64{0});
    CHECK(Msix(2048, {}).window_bytes() == 64 * KiB);
}

TEST_CASE("msix: messages go out when neither vector nor function is masked") {
    MsixRig r;
    r.program(0, 0xfee00000, 0x41);
    r.program(33, 0xfee02000, 0x42, true);
    r.msix.trigger(0);
    CHECK(r.sent.empty());  // disabled
    CHECK(r.pending() == 0);
    r.msix.set_control(Msix::kEnable);
    r.msix.trigger(0);
    CHECK(r.sent == std::vector<Message>{{0xfee00000, 0x41}});
    r.msix.trigger(33);
    r.msix.trigger(33);
    CHECK(r.sent.size() == 1);
    CHECK(r.pending() == u64{1} << 33);
    CHECK(r.msix.mmio_read(r.msix.pending_offset() + 4, 4) == 2);
    r.msix.mmio_write(r.msix.pending_offset(), 8, ~u64{0});  // read-only
    CHECK(r.pending() == u64{1} << 33);
    r.msix.mmio_write(16 * 33 + 8, 8, 0x99);  // new data, and unmasked: one message
    CHECK(r.sent.back() == Message{0xfee02000, 0x99});
    CHECK(r.sent.size() == 2);
    CHECK(r.pending() == 0);
}

TEST_CASE("msix: the function's mask holds all messages back") {
    MsixRig r;
    r.program(0, 0xfee00000, 0x41);
    r.program(1, 0xfee00000, 0x42);
    r.msix.set_control(Msix::kEnable | Msix::kFunctionMask);
    r.msix.trigger(1);
    r.msix.trigger(0);
    r.msix.withdraw(1);
    CHECK(r.pending() == 1);
    r.msix.set_control(Msix::kEnable);
    CHECK(r.sent == std::vector<Message>{{0xfee00000, 0x41}});
    r.msix.reset();
    CHECK(r.msix.mmio_read(12, 4) == 1);
    CHECK_FALSE(r.msix.enabled());
}

TEST_CASE("msix: state") {
    MsixRig r, other;
    r.program(5, 0xfee00000, 0x41, true);
    r.msix.set_control(Msix::kEnable);
    r.msix.trigger(5);
    copy_state(r.msix, other.msix);
    other.msix.set_control(Msix::kEnable);
    CHECK(other.pending() == 0x20);
    other.msix.mmio_write(16 * 5 + 12, 4, 0);
    CHECK(other.sent == std::vector<Message>{{0xfee00000, 0x41}});
    check_truncations(other.msix);
}

TEST_CASE("root port: commands to the slot interrupt by MSI-X") {
    PortRig r;
    CHECK(r.read(kPort, static_cast<u8>(r.msix + 2), 2) == 0);  // one vector
    CHECK(r.read(kPort, static_cast<u8>(r.msix + 4), 4) == 0);  // table in BAR 0
    CHECK(r.read(kPort, static_cast<u8>(r.msix + 8), 4) == 0x800);
    r.slot_control(kCommandInterrupts);
    CHECK(r.slot_status() == 0x10);
    CHECK(r.pirqs.levels[2]);  // slot 3, INTA: PIRQC
    r.msix_control(Msix::kEnable);
    CHECK_FALSE(r.pirqs.levels[2]);
    CHECK(r.sent.empty());  // enabled after the event
    r.clear_slot_status();
    CHECK(r.slot_status() == 0);
    r.slot_control(kCommandInterrupts | 0x3c0);
    CHECK(r.sent == std::vector<Message>{{0xfee01000, 0x4041}});
    r.slot_control(kCommandInterrupts | 0x1c0);
    CHECK(r.sent.size() == 1);  // the first is not acknowledged
    r.clear_slot_status();
    r.msix_control(Msix::kEnable | Msix::kFunctionMask);
    r.slot_control(kCommandInterrupts);
    CHECK(r.mmio.read(0xe0000800, 4) == 1);
    r.clear_slot_status();
    CHECK(r.mmio.read(0xe0000800, 4) == 0);  // over before it was sent
    r.slot_control(kCommandInterrupts);
    r.msix_control(Msix::kEnable);
    CHECK(r.sent.size() == 2);
    r.clear_slot_status();
    r.write(kPort, kPciCommand, 2, kPciCommandMemory);  // no bus master, no messages
    r.slot_control(kCommandInterrupts);
    CHECK(r.sent.size() == 2);
}

TEST_CASE("root port: MSI-X in its state") {
    PortRig r, other;
    r.msix_control(Msix::kEnable | Msix::kFunctionMask);
    r.slot_control(kCommandInterrupts);
    copy_state(r.port, other.port);
    other.mmio.write(0xe0000008, 4, 0x4042);
    other.msix_control(Msix::kEnable);
    CHECK(other.sent == std::vector<Message>{{0xfee01000, 0x4042}});
    check_truncations(other.port);
    other.port.reset(ResetKind::kWarm);
    CHECK(other.read(kPort, static_cast<u8>(other.msix + 2), 2) == 0);
    CHECK(other.slot_status() == 0);
}
