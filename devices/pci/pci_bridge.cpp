#include "devices/pci/pci_bridge.h"

namespace twin86 {
namespace {

constexpr u8 kPrimary = 0x18, kSecondaryLatency = 0x1b;
constexpr u8 kIoBase = 0x1c, kIoLimit = 0x1d, kSecondaryStatus = 0x1e, kMemoryBase = 0x20, kMemoryLimit = 0x22;
constexpr u8 kPrefetchableBase = 0x24, kPrefetchableLimit = 0x26, kPrefetchableBaseHigh = 0x28;
constexpr u8 kPrefetchableLimitHigh = 0x2c, kIoHigh = 0x30, kBridgeControl = 0x3e;

constexpr u16 kPrefetchable64 = 1;
constexpr u16 kControlParity = 1 << 0, kControlSerr = 1 << 1, kControlReset = 1 << 6;

/// 3.2.5: which pin of the bridge's slot a pin behind it uses.
unsigned swizzled(unsigned slot, unsigned pin) {
    return (slot + pin - 1) & 3;
}

}  // namespace

PciBridge::PciBridge(const PciIdentity& identity, PciAddressSpace& space)
    : PciDevice(identity), space_(space), bus_(space, pins_, swizzled, this) {
    set_register(kPciHeaderType, 1, kPciHeaderBridge | (identity.multi_function ? kPciMultiFunction : 0));
    set_register(kPrimary, 1, 0, 0xff);
    set_register(kSecondary, 1, 0, 0xff);
    set_register(kSubordinate, 1, 0, 0xff);
    set_register(kSecondaryLatency, 1, 0);
    set_register(kIoBase, 1, 0, 0xf0);
    set_register(kIoLimit, 1, 0, 0xf0);
    set_register(kSecondaryStatus, 2, 0, 0, kPciStatusErrors);
    set_register(kMemoryBase, 2, 0, 0xfff0);
    set_register(kMemoryLimit, 2, 0, 0xfff0);
    set_register(kPrefetchableBase, 2, kPrefetchable64, 0xfff0);
    set_register(kPrefetchableLimit, 2, kPrefetchable64, 0xfff0);
    set_register(kPrefetchableBaseHigh, 4, 0, 0xffffffff);
    set_register(kPrefetchableLimitHigh, 4, 0, 0xffffffff);
    set_register(kIoHigh, 4, 0);
    set_register(kBridgeControl, 2, 0, kControlParity | kControlSerr | kControlReset);
}

bool PciBridge::forwards(bool io, u64 first, u64 last) const {
    if (connector().upstream != nullptr && !connector().upstream->forwards(io, first, last)) return false;
    if ((command() & (io ? kPciCommandIo : kPciCommandMemory)) == 0) return false;
    const auto inside = [&](u64 window_first, u64 window_last) { return window_first <= first && last <= window_last; };
    if (io) return inside(u64{config_read(kIoBase, 1) & 0xf0} << 8, u64{config_read(kIoLimit, 1) & 0xf0} << 8 | 0xfff);
    const auto megabytes = [&](u8 at) { return u64{config_read(at, 2) & 0xfff0} << 16; };
    constexpr u64 kRest = MiB - 1;
    return inside(megabytes(kMemoryBase), megabytes(kMemoryLimit) | kRest) ||
           inside(u64{config_read(kPrefetchableBaseHigh, 4)} << 32 | megabytes(kPrefetchableBase),
                  u64{config_read(kPrefetchableLimitHigh, 4)} << 32 | megabytes(kPrefetchableLimit) | kRest);
}

void PciBridge::config_written(u8 offset, unsigned size) {
    const auto touches = [&](unsigned first, unsigned end) { return offset < end && offset + size > first; };
    if (touches(kPciCommand, kPciCommand + 2) || touches(kIoBase, kIoHigh + 4)) space_.refresh();
    const bool reset = (config_read(kBridgeControl, 2) & kControlReset) != 0;
    if (reset && !in_reset_) bus_.reset_functions(ResetKind::kWarm);
    in_reset_ = reset;
}

void PciBridge::reset(ResetKind kind) {
    PciDevice::reset(kind);
    in_reset_ = false;
    space_.refresh();
}

void PciBridge::visit_bridge(StateArchive& archive) {
    visit_config(archive);
    bus_.visit_levels(archive);
    if (!archive.loading()) return;
    in_reset_ = (config_read(kBridgeControl, 2) & kControlReset) != 0;
    space_.refresh();
}

}  // namespace twin86
