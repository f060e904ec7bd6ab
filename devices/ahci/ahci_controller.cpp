#include "devices/ahci/ahci_controller.h"

namespace twin86 {
namespace {

enum Register : u32 { kCapabilities = 0x00, kControl = 0x04, kInterruptStatus = 0x08, kPortsImplemented = 0x0c, kVersion = 0x10 };

// CAP: 64-bit addresses, AHCI only, generation 1, 32 slots, CLO.
constexpr u32 kCapabilityBits =
    1u << 31 | 1u << 24 | 1u << 20 | 1u << 18 | (AhciPort::kSlots - 1) << 8 | (AhciController::kPorts - 1);
constexpr u32 kAhci131 = 0x00010301;
// GHC.
constexpr u32 kAdapterReset = 1u << 0, kInterruptEnable = 1u << 1, kAhciEnable = 1u << 31;

constexpr u32 kFirstPort = 0x100, kPortBytes = 0x80;
constexpr unsigned kAbar = 5;
constexpr u8 kMsi = 0x80;

}  // namespace

AhciController::AhciController(std::string name, DmaView& memory, Log& log)
    : PciDevice({.vendor_id = 0x8086,
                 .device_id = 0x2922,
                 .class_code = 0x010601,
                 .revision = 2,
                 .subsystem_vendor_id = 0x1af4,
                 .subsystem_id = 0x1100,
                 .interrupt_pin = 1}),
      name_(std::move(name)),
      log_(log) {
    add_memory_bar(kAbar, kWindowBytes, *this);
    add_msi(MsiAddress::k32Bits, kMsi);
    for (unsigned n = 0; n < kPorts; ++n) ports_.push_back(std::make_unique<AhciPort>(memory, [this] { update(); }));
    reset_adapter();
}

void AhciController::reset(ResetKind kind) {
    PciDevice::reset(kind);
    reset_adapter();
}

void AhciController::reset_adapter() {
    control_ = kAhciEnable;
    for (const auto& p : ports_) p->reset();
    pending_ = 0;
    update();
}

/// IS collects ports; the pin is high while any is in it.
void AhciController::update() {
    for (unsigned n = 0; n < ports_.size(); ++n)
        if (ports_[n]->interrupting()) pending_ |= 1u << n;
    set_interrupt((control_ & kInterruptEnable) != 0 && pending_ != 0);
}

u32 AhciController::read(u32 offset) const {
    if (offset >= kFirstPort) {
        const u32 n = (offset - kFirstPort) / kPortBytes;
        return n < kPorts ? ports_[n]->read((offset - kFirstPort) % kPortBytes) : 0;
    }
    switch (offset) {
        case kCapabilities:
            return kCapabilityBits;
        case kControl:
            return control_;
        case kInterruptStatus:
            return pending_;
        case kPortsImplemented:
            return (1u << kPorts) - 1;
        case kVersion:
            return kAhci131;
        default:
            return 0;
    }
}

void AhciController::write(u32 offset, u32 value) {
    if (offset >= kFirstPort) {
        const u32 n = (offset - kFirstPort) / kPortBytes;
        if (n < kPorts) ports_[n]->write((offset - kFirstPort) % kPortBytes, value);
        return;
    }
    switch (offset) {
        case kControl:
            if ((value & kAdapterReset) != 0) return reset_adapter();
            control_ = kAhciEnable | (value & kInterruptEnable);
            return update();
        case kInterruptStatus:
            pending_ &= ~value;
            update();
            return repeat_interrupt();  // AHCI 1.3.1, 10.6.2: what is left is told anew
        default:
            return;
    }
}

u64 AhciController::mmio_read(u64 offset, unsigned size) {
    const u32 at = static_cast<u32>(offset);
    if (size == 8) return read(at) | u64{read(at + 4)} << 32;
    return read(at & ~3u) >> 8 * (at & 3);
}

void AhciController::mmio_write(u64 offset, unsigned size, u64 value) {
    const u32 at = static_cast<u32>(offset);
    if (size < 4) return log_.write(kLogGuestError, "{}: a write of {} bytes at {:#x}", name_, size, at);
    write(at, static_cast<u32>(value));
    if (size == 8) write(at + 4, static_cast<u32>(value >> 32));
}

void AhciController::visit(StateArchive& archive) {
    archive.section(name_, 1, [&](u32) {
        visit_config(archive);
        archive.fields(control_, pending_);
        for (const auto& p : ports_) p->visit(archive);
        if (archive.loading()) update();
    });
}

}  // namespace twin86
