#include "devices/pci/pcie_root_port.h"

namespace twin86 {
namespace {

// Offsets in the capability, its size, and what the registers hold.
constexpr u8 kCapabilities = 0x02, kDeviceCapabilities = 0x04, kDeviceControl = 0x08, kDeviceStatus = 0x0a;
constexpr u8 kLinkCapabilities = 0x0c, kLinkControl = 0x10, kLinkStatus = 0x12, kSlotCapabilities = 0x14;
constexpr u8 kSlotControl = 0x18, kSlotStatus = 0x1a, kRootControl = 0x1c, kLinkCapabilities2 = 0x2c, kLinkControl2 = 0x30, kSize = 0x3c;

constexpr u16 kVersion2 = 2, kRootPort = 4 << 4, kSlotImplemented = 1 << 8;
constexpr u32 kRoleBasedErrors = 1 << 15;
constexpr u16 kDeviceControlDefault = 0x2810, kDeviceControlBits = 0x78ff, kDeviceErrors = 0x000f;
constexpr u32 kSpeed2500 = 1, kWidth1 = 1 << 4, kReportsLinkActive = 1 << 20;
constexpr u16 kLinkControlBits = 0x00cb;  // ASPM control, read completion boundary, common clock, extended synch
constexpr u16 kSlotClock = 1 << 12, kLinkActive = 1 << 13;
constexpr u32 kAttentionIndicator = 1 << 3, kPowerIndicator = 1 << 4, kHotPlugCapable = 1 << 6;
// Slot Control: Presence Detect Changed, Command Completed, Hot-Plug Interrupt and Link State Changed Enable, indicators.
constexpr u16 kCommandCompletedEnable = 1 << 4, kHotPlugInterruptEnable = 1 << 5, kSlotControlBits = 0x13f8;
constexpr u16 kIndicatorsOff = 0x03c0, kPowerOn = 0x01c0;
constexpr u16 kCommandCompleted = 1 << 4, kSlotEvents = 0x011f;
constexpr unsigned kMsixBar = 0;
constexpr unsigned kSlotNumberShift = 19;
constexpr u16 kPresent = 1 << 6;
constexpr u16 kRootControlBits = 0x000f;
constexpr u32 kSupports2500 = 1 << 1;

// The port by the option's name in QEMU.
constexpr PciIdentity kIdentity = {
    .vendor_id = 0x1b36, .device_id = 0x000c, .class_code = 0x060400, .interrupt_pin = 1};

}  // namespace

PcieRootPort::PcieRootPort(std::string name, u16 slot, PciAddressSpace& space)
    : PciBridge(kIdentity, space), name_(std::move(name)), express_(add_capability(kPciCapabilityExpress, kSize)) {
    const auto set = [this](u8 at, unsigned size, u32 value, u32 writable = 0, u32 one_to_clear = 0) {
        set_register(static_cast<u8>(express_ + at), size, value, writable, one_to_clear);
    };
    set(kCapabilities, 2, kVersion2 | kRootPort | kSlotImplemented);
    set(kDeviceCapabilities, 4, kRoleBasedErrors);
    set(kDeviceControl, 2, kDeviceControlDefault, kDeviceControlBits);
    set(kDeviceStatus, 2, 0, 0, kDeviceErrors);
    set(kLinkCapabilities, 4, kSpeed2500 | kWidth1 | kReportsLinkActive);
    set(kLinkControl, 2, 0, kLinkControlBits);
    set(kLinkStatus, 2, kSpeed2500 | kWidth1 | kSlotClock);
    set(kSlotCapabilities, 4,
        kAttentionIndicator | kPowerIndicator | kHotPlugCapable | u32{slot} << kSlotNumberShift);
    set(kSlotControl, 2, kIndicatorsOff, kSlotControlBits);
    set(kSlotStatus, 2, 0, 0, kSlotEvents);
    set(kRootControl, 2, 0, kRootControlBits);
    set(kLinkCapabilities2, 4, kSupports2500);
    set(kLinkControl2, 2, kSpeed2500);
    add_msix(kMsixBar, 1);
}

Mapping PcieRootPort::plug(PciDevice& device) {
    set_register(static_cast<u8>(express_ + kLinkStatus), 2, kSpeed2500 | kWidth1 | kSlotClock | kLinkActive);
    set_register(static_cast<u8>(express_ + kSlotStatus), 2, kPresent, 0, kSlotEvents);
    set_register(static_cast<u8>(express_ + kSlotControl), 2, kPowerOn, kSlotControlBits);
    return bus().attach(0, device);
}

/// Each write to Slot Control is a command, done at once. 6.7.3.2 and, for the interrupt, 6.7.3.4.
void PcieRootPort::config_written(u8 offset, unsigned size) {
    PciBridge::config_written(offset, size);
    const u8 control = static_cast<u8>(express_ + kSlotControl), status = static_cast<u8>(express_ + kSlotStatus);
    if (offset >= status + 2 || offset + size <= control) return;
    if (offset < status) set_config(status, 2, config_read(status, 2) | kCommandCompleted);
    const bool enabled = (~config_read(control, 2) & (kCommandCompletedEnable | kHotPlugInterruptEnable)) == 0;
    set_interrupt(enabled && (config_read(status, 2) & kCommandCompleted) != 0);
}

void PcieRootPort::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) { visit_bridge(archive); });
}

}  // namespace twin86
