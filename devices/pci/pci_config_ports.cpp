#include "devices/pci/pci_config_ports.h"

namespace twin86 {
namespace {

constexpr u32 kEnable = 0x80000000;
constexpr u32 kAddressWritable = 0x80fffffc;
constexpr u16 kData = 4;
constexpr u16 kResetControl = 1;

struct Target {
    u8 bus, devfn, offset;
};

Target decode(u32 address, u16 offset) {
    return {static_cast<u8>(address >> 16), static_cast<u8>(address >> 8),
            static_cast<u8>((address & 0xfc) | (offset & 3))};
}

}  // namespace

void PciConfigPorts::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) { archive.field(address_); });
}

u32 PciConfigPorts::read_data(u16 offset, unsigned size) const {
    if ((address_ & kEnable) == 0) return static_cast<u32>(truncate(~u64{0}, size));
    const Target t = decode(address_, offset);
    return bus_.config_read(t.bus, t.devfn, t.offset, size);
}

void PciConfigPorts::write_data(u16 offset, unsigned size, u32 value) {
    if ((address_ & kEnable) == 0) return;
    const Target t = decode(address_, offset);
    bus_.config_write(t.bus, t.devfn, t.offset, size, value);
}

u32 PciConfigPorts::io_read(u16 offset, unsigned size) {
    if (offset == 0 && size == 4) return address_;
    if (offset >= kData) return read_data(offset, size);
    u32 value = 0;
    for (unsigned i = 0; i < size; ++i) {
        const u16 port = static_cast<u16>(offset + i);
        u32 byte = 0xff;
        if (port >= kData) byte = read_data(port, 1);
        if (port == kResetControl && reset_control_ != nullptr) byte = reset_control_->io_read(0, 1);
        value |= byte << (8 * i);
    }
    return value;
}

void PciConfigPorts::io_write(u16 offset, unsigned size, u32 value) {
    if (offset == 0 && size == 4) {
        address_ = value & kAddressWritable;
        return;
    }
    if (offset >= kData) return write_data(offset, size, value);
    for (unsigned i = 0; i < size; ++i) {
        const u16 port = static_cast<u16>(offset + i);
        const u32 byte = value >> (8 * i) & 0xff;
        if (port >= kData) write_data(port, 1, byte);
        if (port == kResetControl && reset_control_ != nullptr) reset_control_->io_write(0, 1, byte);
    }
}

}  // namespace twin86
