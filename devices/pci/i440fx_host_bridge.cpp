#include "devices/pci/i440fx_host_bridge.h"

namespace twin86 {
namespace {

constexpr u8 kPmccfg = 0x50;  // PMC configuration
constexpr u8 kDeturbo = 0x52, kDbc = 0x53, kAxc = 0x54, kDramTiming = 0x58;
constexpr u8 kPam0 = 0x59, kPam6 = 0x5f;
constexpr u8 kDrb0 = 0x60, kFdhc = 0x68, kMtt = 0x70, kSmram = 0x72, kErrcmd = 0x90;

constexpr u8 kReadEnable = 1, kWriteEnable = 2;
constexpr u8 kDOpen = 0x40, kDClose = 0x20, kDLock = 0x10;

constexpr PciIdentity kIdentity = {.vendor_id = 0x8086,
                                   .device_id = 0x1237,
                                   .class_code = 0x060000,
                                   .revision = 2,
                                   // By this pair SeaBIOS and OVMF know that fw_cfg is there.
                                   .subsystem_vendor_id = 0x1af4,
                                   .subsystem_id = 0x1100};

}  // namespace

I440fxHostBridge::I440fxHostBridge(std::function<void()> on_change)
    : PciDevice(kIdentity), on_change_(std::move(on_change)) {
    set_register(kPciCommand, 2, 0x0006, kPciCommandSerr | kPciCommandParity);  // memory and master are hard-wired
    set_register(kPciStatus, 2, 0x0280, 0, kPciStatusErrors);
    set_register(kPmccfg, 2, 0, 0xffff);
    set_register(kDeturbo, 1, 0, 0xff);
    set_register(kDbc, 1, 0x80, 0xff);
    set_register(kAxc, 1, 0, 0xff);
    set_register(kDramTiming, 1, 0, 0xff);
    set_register(kPam0, 1, 0, 0x30);
    for (u8 pam = kPam0 + 1; pam <= kPam6; ++pam) set_register(pam, 1, 0, 0x33);
    for (u8 n = 0; n < 8; ++n) set_register(static_cast<u8>(kDrb0 + n), 1, 1, 0xff);
    set_register(kFdhc, 1, 0, 0xff);
    set_register(kMtt, 1, 0, 0xff);
    set_register(kSmram, 1, 0x02, kDOpen | kDClose | kDLock | 0x08);  // C_BASE_SEG is fixed to 0xA0000
    set_register(kErrcmd, 1, 0, 0xff);
    smram_ = 0x02;
}

PamSegment I440fxHostBridge::pam_segment(unsigned n) const {
    CHECK(n < kPamSegments, "PAM segment {}", n);
    const bool bios = n == 0;
    const u8 reg = bios ? kPam0 : static_cast<u8>(kPam0 + 1 + (n - 1) / 2);
    const bool high_nibble = bios || (n - 1) % 2 == 1;
    const u8 value = static_cast<u8>(config_read(reg, 1) >> (high_nibble ? 4 : 0));
    const Gpa base = bios ? 0xf0000 : 0xc0000 + (n - 1) * 16 * KiB;
    return {base, bios ? 64 * KiB : 16 * KiB, (value & kReadEnable) != 0, (value & kWriteEnable) != 0};
}

void I440fxHostBridge::set_all_pam(bool read_ram, bool write_ram) {
    const u8 nibble = static_cast<u8>((read_ram ? kReadEnable : 0) | (write_ram ? kWriteEnable : 0));
    set_config(kPam0, 1, nibble << 4u);
    for (u8 pam = kPam0 + 1; pam <= kPam6; ++pam) set_config(pam, 1, nibble << 4u | nibble);
    if (on_change_) on_change_();
}

bool I440fxHostBridge::smram_open() const {
    return (smram_ & kDOpen) != 0 && (smram_ & kDClose) == 0;
}

void I440fxHostBridge::config_written(u8 offset, unsigned size) {
    const auto touches = [&](u8 first, u8 last) { return offset <= last && offset + size > first; };
    if (!touches(kPam0, kPam6) && !touches(kSmram, kSmram)) return;
    // 3.2.21: once D_LCK is set, it and D_OPEN stay as they are until reset (D_OPEN cleared).
    if ((smram_ & kDLock) != 0) set_config(kSmram, 1, smram_);
    u8 now = static_cast<u8>(config_read(kSmram, 1));
    if ((now & kDLock) != 0 && (smram_ & kDLock) == 0) now = static_cast<u8>(now & ~kDOpen);
    set_config(kSmram, 1, now);
    smram_ = now;
    if (on_change_) on_change_();
}

void I440fxHostBridge::reset(ResetKind kind) {
    PciDevice::reset(kind);
    smram_ = static_cast<u8>(config_read(kSmram, 1));
    if (on_change_) on_change_();
}

void I440fxHostBridge::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) { visit_config(archive); });
    if (!archive.loading()) return;
    smram_ = static_cast<u8>(config_read(kSmram, 1));
    if (on_change_) on_change_();
}

}  // namespace twin86
