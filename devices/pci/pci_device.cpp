#include "devices/pci/pci_device.h"

#include <bit>
#include <string>

namespace twin86 {
namespace {

// MSI: offsets in the capability, bits of its control register.
constexpr u8 kMsiControl = 2, kMsiAddress = 4;
constexpr u16 kMsiEnable = 1 << 0, kMsi64Bits = 1 << 7;
// The same of MSI-X.
constexpr u8 kMsixControl = 2, kMsixTable = 4, kMsixPending = 8, kMsixSize = 12;

constexpr u32 kBarIo = 1, kBarMemory64 = 4, kBarPrefetchable = 8, kRomEnable = 1;

}  // namespace

PciDevice::PciDevice(const PciIdentity& id) {
    set_register(kPciVendorId, 2, id.vendor_id);
    set_register(kPciDeviceId, 2, id.device_id);
    set_register(kPciCommand, 2, 0,
                 kPciCommandIo | kPciCommandMemory | kPciCommandMaster | kPciCommandParity | kPciCommandSerr |
                     kPciCommandIntxDisable);
    set_register(kPciStatus, 2, 0, 0, kPciStatusErrors);
    set_register(kPciRevision, 1, id.revision);
    set_register(kPciClassCode, 1, id.class_code & 0xff);
    set_register(kPciClassCode + 1, 2, id.class_code >> 8);
    set_register(kPciCacheLineSize, 1, 0, 0xff);
    set_register(kPciLatencyTimer, 1, 0, 0xf8);
    set_register(kPciHeaderType, 1, id.multi_function ? kPciMultiFunction : 0);
    set_register(kPciSubsystemVendorId, 2, id.subsystem_vendor_id);
    set_register(kPciSubsystemId, 2, id.subsystem_id);
    set_register(kPciInterruptLine, 1, 0, 0xff);
    set_register(kPciInterruptPin, 1, id.interrupt_pin);
}

PciDevice::~PciDevice() {
    connect({});
}

void PciDevice::connect(const PciConnector& to) {
    for (PciBar& bar : bars_) {
        if (bar.kind == PciBarKind::kNone) continue;
        if (connector_.space != nullptr) connector_.space->remove(bar);
        bar.upstream = to.upstream;
        if (to.space != nullptr) to.space->add(bar);
    }
    connector_ = to;
    update_bars();
    update_intx();
}

void PciDevice::set_register(u8 offset, unsigned size, u32 value, u32 writable, u32 one_to_clear) {
    CHECK(offset + size <= config_.size(), "register {:#x} of {} bytes", offset, size);
    for (unsigned i = 0; i < size; ++i) {
        power_on_[offset + i] = config_[offset + i] = static_cast<u8>(value >> (8 * i));
        writable_[offset + i] = static_cast<u8>(writable >> (8 * i));
        write_one_to_clear_[offset + i] = static_cast<u8>(one_to_clear >> (8 * i));
    }
}

void PciDevice::set_writable(u8 offset, unsigned size, u32 bits) {
    CHECK(offset + size <= config_.size(), "register {:#x} of {} bytes", offset, size);
    for (unsigned i = 0; i < size; ++i) writable_[offset + i] = static_cast<u8>(bits >> (8 * i));
}

void PciDevice::add_bar(unsigned n, PciBarKind kind, u64 size, std::function<Mapping(u64)> map, bool prefetchable) {
    const bool wide = kind == PciBarKind::kMemory64;
    const bool rom = kind == PciBarKind::kRom;
    CHECK(n <= kRomBar && rom == (n == kRomBar) && !(wide && n + 1 >= kBars), "BAR {}", n);
    CHECK(bars_[n].kind == PciBarKind::kNone, "BAR {} is taken", n);
    const u64 least = kind == PciBarKind::kIo ? 4 : rom ? 2048 : 16;
    CHECK(std::has_single_bit(size) && size >= least && (wide || size <= 2 * GiB), "BAR {} of {:#x} bytes", n, size);
    bars_[n].kind = kind;
    bars_[n].prefetchable = prefetchable;
    bars_[n].size = size;
    bars_[n].map = std::move(map);

    const u64 address_bits = ~(size - 1);
    const u32 type =
        kind == PciBarKind::kIo ? kBarIo : (wide ? kBarMemory64 : 0) | (prefetchable ? kBarPrefetchable : 0);
    set_register(bar_offset(n), 4, type, static_cast<u32>(address_bits) | (rom ? kRomEnable : 0));
    if (wide) set_register(bar_offset(n + 1), 4, 0, static_cast<u32>(address_bits >> 32));
}

void PciDevice::add_io_bar(unsigned n, u32 size, IoHandler& handler, u8 sizes) {
    add_bar(n, PciBarKind::kIo, size, [this, size, &handler, sizes](u64 base) {
        return connector_.space->io().map(static_cast<IoPort>(base), size, handler, std::string(name()), sizes);
    });
}

void PciDevice::add_memory_bar(unsigned n, u64 size, MmioHandler& handler, PciBarKind kind) {
    add_bar(n, kind, size,
            [this, size, &handler](u64 base) {
                return connector_.space->mmio().map(base, size, handler, std::string(name()));
            });
}

u8 PciDevice::add_capability(u8 id, u8 size, u8 offset) {
    const u8 at = offset != 0 ? offset : next_capability_;
    CHECK(at >= next_capability_, "capability {:#x} at {:#x}: capabilities are added in ascending order", id, at);
    CHECK(at + size <= 256, "capability {:#x} of {} bytes does not fit", id, size);
    set_register(at, 1, id);
    set_register(at + 1, 1, power_on_[kPciCapabilities]);
    set_register(kPciCapabilities, 1, at);
    power_on_[kPciStatus] |= kPciStatusCapabilities;
    config_[kPciStatus] |= kPciStatusCapabilities;
    next_capability_ = static_cast<u8>(align_up(at + size, 4));
    express_ |= id == kPciCapabilityExpress;
    return at;
}

u32 PciDevice::config_read(u8 offset, unsigned size) const {
    u32 value = 0;
    for (unsigned i = 0; i < size; ++i) {
        const u32 byte = offset + i < config_.size() ? config_[offset + i] : 0xff;
        value |= byte << (8 * i);
    }
    return value;
}

void PciDevice::config_write(u8 offset, unsigned size, u32 value) {
    for (unsigned i = 0; i < size && offset + i < config_.size(); ++i) {
        u8& byte = config_[offset + i];
        const u8 mask = writable_[offset + i];
        const u8 written = static_cast<u8>(value >> (8 * i));
        byte = static_cast<u8>((byte & ~mask) | (written & mask));
        byte = static_cast<u8>(byte & ~(written & write_one_to_clear_[offset + i]));
    }
    const auto touches = [&](unsigned first, unsigned end) { return offset < end && offset + size > first; };
    const bool msi_control = msi_ != 0 && touches(msi_ + kMsiControl, msi_ + kMsiControl + 2);
    const bool msix_control = msix_ && touches(msix_at_ + kMsixControl, msix_at_ + kMsixControl + 2);
    if (msix_control) update_msix();
    if (touches(kPciCommand, kPciCommand + 2) || msi_control || msix_control) update_intx();
    if (touches(kPciCommand, kPciCommand + 2) || touches(kPciBar0, kPciBar0 + 4 * kBars) ||
        touches(kPciExpansionRom, kPciExpansionRom + 4))
        update_bars();
    config_written(offset, size);
}

void PciDevice::set_config(u8 offset, unsigned size, u32 value) {
    CHECK(offset + size <= config_.size(), "register {:#x} of {} bytes", offset, size);
    for (unsigned i = 0; i < size; ++i) config_[offset + i] = static_cast<u8>(value >> (8 * i));
    update_bars();
    update_intx();
}

std::optional<u64> PciDevice::decoded_base(unsigned n) const {
    const PciBar& bar = bars_[n];
    const u16 enable = bar.is_io() ? kPciCommandIo : kPciCommandMemory;
    const u64 low = config_read(bar_offset(n), 4);
    if (bar.kind == PciBarKind::kNone || (command() & enable) == 0) return std::nullopt;
    if (bar.kind == PciBarKind::kRom && (low & kRomEnable) == 0) return std::nullopt;
    const u64 high = bar.kind == PciBarKind::kMemory64 ? config_read(bar_offset(n + 1), 4) : 0;
    return (high << 32 | low) & ~(bar.size - 1);
}

void PciDevice::update_bars() {
    for (unsigned n = 0; n < bars_.size(); ++n) bars_[n].wanted = decoded_base(n);
    if (connector_.space != nullptr) connector_.space->refresh();
}

bool PciDevice::bus_master() const {
    const PciForwarding* upstream = connector_.upstream;
    return (command() & kPciCommandMaster) != 0 && (upstream == nullptr || upstream->forwards_dma());
}

void PciDevice::add_msi(MsiAddress width, u8 offset) {
    const bool wide = width == MsiAddress::k64Bits;
    const unsigned data = wide ? 12 : 8;
    msi_ = add_capability(kPciCapabilityMsi, static_cast<u8>(data + 2), offset);
    set_register(msi_at(kMsiControl), 2, wide ? kMsi64Bits : 0, kMsiEnable);
    set_register(msi_at(kMsiAddress), 4, 0, ~3u);
    if (wide) set_register(msi_at(kMsiAddress + 4), 4, 0, ~0u);
    set_register(msi_at(data), 2, 0, 0xffff);
}

bool PciDevice::msi_enabled() const {
    return msi_ != 0 && (config_read(msi_at(kMsiControl), 2) & kMsiEnable) != 0;
}

void PciDevice::send_msi() {
    const bool wide = (config_read(msi_at(kMsiControl), 2) & kMsi64Bits) != 0;
    const u64 high = wide ? config_read(msi_at(kMsiAddress + 4), 4) : 0;
    send(high << 32 | config_read(msi_at(kMsiAddress), 4), config_read(msi_at(wide ? 12 : 8), 2));
}

/// A message is a write to memory.
void PciDevice::send(u64 address, u32 data) {
    if (connector_.space != nullptr && bus_master()) connector_.space->send_message(address, data);
}

void PciDevice::add_msix(unsigned bar, unsigned vectors) {
    msix_ = std::make_unique<Msix>(vectors, [this](u64 address, u32 data) { send(address, data); });
    add_memory_bar(bar, msix_->window_bytes(), *msix_);
    msix_at_ = add_capability(kPciCapabilityMsix, kMsixSize);
    set_register(static_cast<u8>(msix_at_ + kMsixControl), 2, vectors - 1, Msix::kEnable | Msix::kFunctionMask);
    set_register(static_cast<u8>(msix_at_ + kMsixTable), 4, bar);
    set_register(static_cast<u8>(msix_at_ + kMsixPending), 4, msix_->pending_offset() | bar);
}

void PciDevice::update_msix() {
    if (msix_) msix_->set_control(static_cast<u16>(config_read(static_cast<u8>(msix_at_ + kMsixControl), 2)));
}

void PciDevice::signal() {
    if (msi_enabled()) send_msi();
    if (msix_enabled() && msix_->vectors() == 1) msix_->trigger(0);
}

void PciDevice::set_interrupt(bool level) {
    const bool rises = level && !intx_wanted_;
    intx_wanted_ = level;
    update_intx();
    if (rises) signal();
    if (!level && msix_ && msix_->vectors() == 1) msix_->withdraw(0);
}

void PciDevice::repeat_interrupt() {
    if (intx_wanted_) signal();
}

void PciDevice::update_intx() {
    const u8 status = static_cast<u8>(config_[kPciStatus] & ~kPciStatusInterrupt);
    config_[kPciStatus] = static_cast<u8>(status | (intx_wanted_ ? kPciStatusInterrupt : 0));
    if (interrupt_pin() == 0) return;
    connector_.pins[interrupt_pin() - 1].set(intx_wanted_ && !msi_enabled() && !msix_enabled() && (command() & kPciCommandIntxDisable) == 0);
}

void PciDevice::reset(ResetKind) {
    config_ = power_on_;
    intx_wanted_ = false;
    if (msix_) msix_->reset();
    update_bars();
    update_intx();
}

void PciDevice::visit_config(StateArchive& archive) {
    archive.fields(config_, intx_wanted_);
    if (msix_) msix_->visit(archive);
    if (!archive.loading()) return;
    // In the standard header only what software can change comes from the file.
    for (unsigned i = 0; i < kPciFirstCapability; ++i) {
        const u8 variable = static_cast<u8>(writable_[i] | write_one_to_clear_[i]);
        config_[i] = static_cast<u8>((config_[i] & variable) | (power_on_[i] & ~variable));
    }
    update_msix();
    update_bars();
    update_intx();
}

}  // namespace twin86
