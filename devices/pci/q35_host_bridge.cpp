#include "devices/pci/q35_host_bridge.h"

namespace twin86 {
namespace {

constexpr u8 kEpbar = 0x40, kMchbar = 0x48, kDeven = 0x54, kPciexbar = 0x60, kDmibar = 0x68, kPam0 = 0x90, kLac = 0x97;
constexpr u8 kRemapBase = 0x98, kRemapLimit = 0x9a, kSmram = 0x9d, kEsmramc = 0x9e, kTom = 0xa0, kTouud = 0xa2;
constexpr u8 kGbsm = 0xa4, kBgsm = 0xa8, kTsegmb = 0xac, kTolud = 0xb0, kErrsts = 0xc8, kErrcmd = 0xca, kSkpd = 0xdc;

// PCIEXBAR: bits 35:28 of the address; how many buses, and with fewer than 256 two more bits.
constexpr u32 kEnable = 1, kLengthMask = 6, kLength128 = 1 << 1, kLength64 = 2 << 1;
constexpr u32 kAddress28 = 0xf0000000, kAddress27 = 1u << 27, kAddress26 = 1u << 26, kAddressHigh = 0xf;

// ESMRAMC: H_SMRAME, E_SMERR, TSEG_SZ, T_EN. TSEGMB: bits 31:20 of the address.
constexpr u8 kHighSmram = 0x80, kSmramError = 0x40, kTsegSize = 0x06, kTsegEnable = 0x01;
constexpr u8 kEsmramcBits = kHighSmram | kTsegSize | kTsegEnable;
constexpr u32 kTsegBase = 0xfff00000;

constexpr u16 kDeviceId = 0x29c0;

}  // namespace

/// What firmware of a board writes about its DRAM is kept and means nothing here.
Q35HostBridge::Q35HostBridge(std::function<void()> on_pam, OnEcam on_ecam)
    : PamHostBridge(kDeviceId, {kPam0, kSmram, kDClose}, std::move(on_pam)), on_ecam_(std::move(on_ecam)) {
    set_register(kPciCommand, 2, 0x0006, kPciCommandSerr);  // memory and master are hard-wired
    set_register(kPciStatus, 2, 0x0080, 0, kPciStatusErrors);
    for (const u8 reg : {kEpbar, kMchbar, kDmibar}) set_register(reg, 4, 0);  // none of these windows exists
    set_register(kDeven, 4, 0x00000001);
    set_register(kPciexbar, 4, 0xe0000000, kAddress28 | kAddress27 | kAddress26 | kLengthMask | kEnable);
    set_register(kPciexbar + 4, 4, 0, kAddressHigh);
    set_register(kLac, 1, 0, 0x81);
    set_register(kRemapBase, 2, 0x03ff, 0x03ff);
    set_register(kRemapLimit, 2, 0, 0x03ff);
    set_register(kEsmramc, 1, 0x38, kEsmramcBits, kSmramError);
    set_register(kTom, 2, 0x0001, 0x01ff);
    set_register(kTouud, 2, 0, 0xffff);
    set_register(kGbsm, 4, 0, 0xfff00000);
    set_register(kBgsm, 4, 0, 0xfff00000);
    set_register(kTsegmb, 4, 0, kTsegBase);
    set_register(kTolud, 2, 0x0010, 0xfff0);
    set_register(kErrsts, 2, 0, 0, 0xffff);
    set_register(kErrcmd, 2, 0, 0xffff);
    set_register(kSkpd, 4, 0, 0xffffffff);
}

std::optional<Q35HostBridge::Ecam> Q35HostBridge::ecam() const {
    const u32 low = config_read(kPciexbar, 4);
    const u32 length = low & kLengthMask;
    if ((low & kEnable) == 0 || length == kLengthMask) return std::nullopt;
    const u32 mask = kAddress28 | (length != 0 ? kAddress27 : 0) | (length == kLength64 ? kAddress26 : 0);
    const u64 size = length == kLength64 ? 64 * MiB : length == kLength128 ? 128 * MiB : 256 * MiB;
    return Ecam{u64{config_read(kPciexbar + 4, 4)} << 32 | (low & mask), size};
}

/// ESMRAMC and TSEGMB: 1, 2 or 8 MiB; the fourth size is reserved.
std::optional<Q35HostBridge::Tseg> Q35HostBridge::tseg() const {
    constexpr u64 kSizes[] = {1 * MiB, 2 * MiB, 8 * MiB};
    const u32 control = config_read(kEsmramc, 1), size = (control & kTsegSize) >> 1;
    if (!smram_enabled() || (control & kTsegEnable) == 0 || size >= std::size(kSizes)) return std::nullopt;
    return Tseg{config_read(kTsegmb, 4), kSizes[size]};
}

bool Q35HostBridge::high_smram() const {
    return smram_enabled() && (config_read(kEsmramc, 1) & kHighSmram) != 0;
}

void Q35HostBridge::set_smram_error() {
    set_config(kEsmramc, 1, config_read(kEsmramc, 1) | kSmramError);
}

/// D_LCK makes these registers read-only as well.
void Q35HostBridge::changed() {
    set_writable(kEsmramc, 1, smram_locked() ? 0 : kEsmramcBits);
    set_writable(kTsegmb, 4, smram_locked() ? 0 : kTsegBase);
    PamHostBridge::changed();
}

void Q35HostBridge::set_ecam(Gpa base) {
    set_config(kPciexbar, 4, static_cast<u32>(base & kAddress28) | kEnable);
    set_config(kPciexbar + 4, 4, static_cast<u32>(base >> 32) & kAddressHigh);
    update();
}

void Q35HostBridge::update() {
    if (on_ecam_) on_ecam_(ecam());
}

void Q35HostBridge::config_written(u8 offset, unsigned size) {
    PamHostBridge::config_written(offset, size);
    const auto touches = [&](unsigned first, unsigned end) { return offset < end && offset + size > first; };
    if (touches(kEsmramc, kEsmramc + 1) || touches(kTsegmb, kTsegmb + 4)) changed();
    if (touches(kPciexbar, kPciexbar + 8)) update();
}

void Q35HostBridge::reset(ResetKind kind) {
    PamHostBridge::reset(kind);
    update();
}

void Q35HostBridge::visit(StateArchive& archive) {
    PamHostBridge::visit(archive);
    if (archive.loading()) update();
}

}  // namespace twin86
