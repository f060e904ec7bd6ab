#include "devices/pci/pam_host_bridge.h"

namespace twin86 {
namespace {

constexpr u8 kReadEnable = 1, kWriteEnable = 2;
constexpr u8 kDOpen = 0x40, kDClose = 0x20, kDLock = 0x10, kGlobalSmram = 0x08;
constexpr u8 kBaseSegment = 0x02;  // fixed: SMRAM is at 0xA0000

PciIdentity identity(u16 device_id) {
    return {.vendor_id = 0x8086,
            .device_id = device_id,
            .class_code = 0x060000,
            .revision = 2,
            // By this pair SeaBIOS and OVMF know that fw_cfg is there.
            .subsystem_vendor_id = 0x1af4,
            .subsystem_id = 0x1100};
}

}  // namespace

PamHostBridge::PamHostBridge(u16 device_id, u8 pam0, u8 smram, std::function<void()> on_change)
    : PciDevice(identity(device_id)),
      pam0_(pam0),
      pam6_(static_cast<u8>(pam0 + 6)),
      smram_at_(smram),
      on_change_(std::move(on_change)),
      smram_(kBaseSegment) {
    set_register(pam0_, 1, 0, 0x30);
    for (u8 pam = static_cast<u8>(pam0_ + 1); pam <= pam6_; ++pam) set_register(pam, 1, 0, 0x33);
    set_register(smram_at_, 1, kBaseSegment, kDOpen | kDClose | kDLock | kGlobalSmram);
}

PamSegment PamHostBridge::pam_segment(unsigned n) const {
    CHECK(n < kPamSegments, "PAM segment {}", n);
    const bool bios = n == 0;
    const u8 reg = bios ? pam0_ : static_cast<u8>(pam0_ + 1 + (n - 1) / 2);
    const bool high_nibble = bios || (n - 1) % 2 == 1;
    const u8 value = static_cast<u8>(config_read(reg, 1) >> (high_nibble ? 4 : 0));
    const Gpa base = bios ? 0xf0000 : 0xc0000 + (n - 1) * 16 * KiB;
    return {base, bios ? 64 * KiB : 16 * KiB, (value & kReadEnable) != 0, (value & kWriteEnable) != 0};
}

void PamHostBridge::set_all_pam(bool read_ram, bool write_ram) {
    const u8 nibble = static_cast<u8>((read_ram ? kReadEnable : 0) | (write_ram ? kWriteEnable : 0));
    set_config(pam0_, 1, nibble << 4u);
    for (u8 pam = static_cast<u8>(pam0_ + 1); pam <= pam6_; ++pam) set_config(pam, 1, nibble << 4u | nibble);
    if (on_change_) on_change_();
}

bool PamHostBridge::smram_open() const {
    return (smram_ & kDOpen) != 0 && (smram_ & kDClose) == 0;
}

void PamHostBridge::config_written(u8 offset, unsigned size) {
    const auto touches = [&](u8 first, u8 last) { return offset <= last && offset + size > first; };
    if (!touches(pam0_, pam6_) && !touches(smram_at_, smram_at_)) return;
    // Once D_LCK is set, it and D_OPEN stay as they are until reset (D_OPEN cleared): 82441FX, 3.2.21.
    if ((smram_ & kDLock) != 0) set_config(smram_at_, 1, smram_);
    u8 now = static_cast<u8>(config_read(smram_at_, 1));
    if ((now & kDLock) != 0 && (smram_ & kDLock) == 0) now = static_cast<u8>(now & ~kDOpen);
    set_config(smram_at_, 1, now);
    changed();
}

void PamHostBridge::changed() {
    smram_ = static_cast<u8>(config_read(smram_at_, 1));
    if (on_change_) on_change_();
}

void PamHostBridge::reset(ResetKind kind) {
    PciDevice::reset(kind);
    changed();
}

void PamHostBridge::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) { visit_config(archive); });
    if (archive.loading()) changed();
}

}  // namespace twin86
