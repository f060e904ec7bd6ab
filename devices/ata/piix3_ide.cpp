#include "devices/ata/piix3_ide.h"

namespace twin86 {
namespace {

constexpr u8 kIdetim = 0x40, kSidetim = 0x44;
constexpr u16 kDecodeEnable = 0x8000;  // IDETIM
constexpr u32 kBothEnabled = u32{kDecodeEnable} << 16 | kDecodeEnable;
constexpr unsigned kBusMasterBar = 4;
constexpr u32 kBusMasterPorts = 16;

constexpr PciIdentity kIdentity = {.vendor_id = 0x8086,
                                   .device_id = 0x7010,
                                   .class_code = 0x010180,  // IDE, bus master, both channels in legacy mode
                                   .subsystem_vendor_id = 0x1af4,
                                   .subsystem_id = 0x1100};

}  // namespace

Piix3Ide::Piix3Ide(std::array<IrqLine, kChannels> irqs, DmaView& memory, std::function<void(unsigned, bool)> on_decode)
    : PciDevice(kIdentity),
      primary_("ide0", irqs[0], memory, [this] { return bus_master(); }),
      secondary_("ide1", irqs[1], memory, [this] { return bus_master(); }),
      on_decode_(std::move(on_decode)) {
    set_register(kPciCommand, 2, 0, kPciCommandIo | kPciCommandMaster);
    set_register(kPciStatus, 2, 0x0280, 0, kPciStatusErrors);
    // The data sheet's power-on value leaves the ports off. OVMF never turns them on: on the machines it knows they
    // are.
    set_register(kIdetim, 4, kBothEnabled, 0xf3fff3ff);
    set_register(kSidetim, 1, 0, 0xff);
    add_io_bar(kBusMasterBar, kBusMasterPorts, *this, IoBus::kByte | IoBus::kWord | IoBus::kDword);
}

u32 Piix3Ide::io_read(u16 offset, unsigned size) {
    u32 value = 0;
    for (unsigned i = 0; i < size; ++i) {
        const u16 at = static_cast<u16>(offset + i);
        value |= u32{channel(at / BusMaster::kPorts).read_bus_master(at % BusMaster::kPorts)} << 8 * i;
    }
    return value;
}

void Piix3Ide::io_write(u16 offset, unsigned size, u32 value) {
    for (unsigned i = 0; i < size; ++i) {
        const u16 at = static_cast<u16>(offset + i);
        channel(at / BusMaster::kPorts).write_bus_master(at % BusMaster::kPorts, static_cast<u8>(value >> 8 * i));
    }
}

void Piix3Ide::update() {
    const bool io = (config_read(kPciCommand, 1) & kPciCommandIo) != 0;
    for (unsigned n = 0; n < kChannels; ++n) {
        const bool decoded = io && (config_read(static_cast<u8>(kIdetim + 2 * n), 2) & kDecodeEnable) != 0;
        if (decoded_[n] == decoded) continue;
        decoded_[n] = decoded;
        if (on_decode_) on_decode_(n, decoded);
    }
}

void Piix3Ide::enable() {
    set_config(kPciCommand, 2, kPciCommandIo | kPciCommandMaster);
    set_config(kIdetim, 4, kBothEnabled);
    update();
}

void Piix3Ide::config_written(u8, unsigned) {
    update();
    for (unsigned n = 0; n < kChannels; ++n) channel(n).master_enable_changed();
}

void Piix3Ide::reset(ResetKind kind) {
    PciDevice::reset(kind);
    update();
}

void Piix3Ide::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) { visit_config(archive); });
    if (!archive.loading()) return;
    update();
    for (unsigned n = 0; n < kChannels; ++n) channel(n).master_enable_changed();
}

}  // namespace twin86
