#include "devices/pci/pam_host_bridge.h"

namespace twin86 {
namespace {

constexpr u8 kReadEnable = 1, kWriteEnable = 2;
constexpr u8 kSmramBits = 0x78;  // writable; the base segment, 0xA0000, is fixed

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

PamHostBridge::PamHostBridge(u16 device_id, const Registers& registers, std::function<void()> on_change)
    : PciDevice(identity(device_id)),
      registers_(registers),
      pam6_(static_cast<u8>(registers.pam0 + 6)),
      on_change_(std::move(on_change)) {
    set_register(registers_.pam0, 1, 0, 0x30);
    for (u8 pam = static_cast<u8>(registers_.pam0 + 1); pam <= pam6_; ++pam) set_register(pam, 1, 0, 0x33);
    set_register(registers_.smram, 1, kBaseSegment, kSmramBits);
}

PamSegment PamHostBridge::pam_segment(unsigned n) const {
    CHECK(n < kPamSegments, "PAM segment {}", n);
    const bool bios = n == 0;
    const u8 reg = bios ? registers_.pam0 : static_cast<u8>(registers_.pam0 + 1 + (n - 1) / 2);
    const bool high_nibble = bios || (n - 1) % 2 == 1;
    const u8 value = static_cast<u8>(config_read(reg, 1) >> (high_nibble ? 4 : 0));
    const Gpa base = bios ? 0xf0000 : 0xc0000 + (n - 1) * 16 * KiB;
    return {base, bios ? 64 * KiB : 16 * KiB, (value & kReadEnable) != 0, (value & kWriteEnable) != 0};
}

void PamHostBridge::set_all_pam(bool read_ram, bool write_ram) {
    const u8 nibble = static_cast<u8>((read_ram ? kReadEnable : 0) | (write_ram ? kWriteEnable : 0));
    set_config(registers_.pam0, 1, nibble << 4u);
    for (u8 pam = static_cast<u8>(registers_.pam0 + 1); pam <= pam6_; ++pam) set_config(pam, 1, nibble << 4u | nibble);
    if (on_change_) on_change_();
}

/// D_OPEN with D_CLS is not allowed: nothing shows.
bool PamHostBridge::smram_open() const {
    return (smram() & (kGlobalSmram | kDOpen | kDClose)) == (kGlobalSmram | kDOpen);
}

void PamHostBridge::config_written(u8 offset, unsigned size) {
    const auto touches = [&](u8 first, u8 last) { return offset <= last && offset + size > first; };
    if (touches(registers_.pam0, pam6_) || touches(registers_.smram, registers_.smram)) changed();
}

/// Once D_LCK is set it and D_OPEN, which it clears, stay as they are until reset.
void PamHostBridge::changed() {
    if (smram_locked()) set_config(registers_.smram, 1, smram() & ~u32{kDOpen});
    set_writable(registers_.smram, 1, smram_locked() ? registers_.writable_when_locked : kSmramBits);
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
