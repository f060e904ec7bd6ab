#include "devices/pci/pci_ecam.h"

namespace twin86 {
namespace {

struct Target {
    u8 bus, devfn;
    u16 offset;
};

Target decode(u64 offset) {
    return {static_cast<u8>(offset >> 20), static_cast<u8>(offset >> 12), static_cast<u16>(offset & 0xfff)};
}

}  // namespace

u64 PciEcam::mmio_read(u64 offset, unsigned size) {
    if (size == 8) return mmio_read(offset, 4) | mmio_read(offset + 4, 4) << 32;
    const Target t = decode(offset);
    return root_.config_read(t.bus, t.devfn, t.offset, size);
}

void PciEcam::mmio_write(u64 offset, unsigned size, u64 value) {
    if (size == 8) {
        mmio_write(offset, 4, value);
        return mmio_write(offset + 4, 4, value >> 32);
    }
    const Target t = decode(offset);
    root_.config_write(t.bus, t.devfn, t.offset, size, static_cast<u32>(value));
}

}  // namespace twin86
