#include "devices/pci/piix4_power.h"

namespace twin86 {
namespace {

constexpr u8 kPmba = 0x40, kCnta = 0x44, kCntb = 0x48, kGpictl = 0x4c, kDevresd = 0x50, kDevacta = 0x54,
             kDevactb = 0x58;
constexpr u8 kDevresa = 0x5c, kDevresb = 0x60, kDevresc = 0x64, kDevrese = 0x68, kDevresf = 0x6c, kDevresg = 0x70;
constexpr u8 kDevresh = 0x74, kDevresi = 0x78, kDevresj = 0x7c, kPmregmisc = 0x80, kSmbba = 0x90;
constexpr u8 kSmbhstcfg = 0xd2, kSmbslvc = 0xd3;

constexpr u8 kPmiose = 0x01;    // PMREGMISC: the PMBA ports answer
constexpr u8 kSmbHstEn = 0x01;  // SMBHSTCFG

constexpr PciIdentity kIdentity = {
    .vendor_id = 0x8086, .device_id = 0x7113, .class_code = 0x068000, .revision = 3, .interrupt_pin = 1};

}  // namespace

Piix4Power::Piix4Power(OnMove on_pm_base, OnMove on_smbus_base)
    : PciDevice(kIdentity), on_pm_base_(std::move(on_pm_base)), on_smbus_base_(std::move(on_smbus_base)) {
    set_register(kPciCommand, 2, 0, kPciCommandIo);
    set_register(kPciStatus, 2, 0x0280, 0, kPciStatusErrors);
    set_register(kPmba, 4, 1, 0xffc0);
    for (const u8 reg : {kCnta, kCntb, kGpictl, kDevresd, kDevacta, kDevactb, kDevresa, kDevresb, kDevresc, kDevrese,
                         kDevresf, kDevresg, kDevresh, kDevresi, kDevresj})
        set_register(reg, 4, 0, 0xffffffff);
    // APMC_EN: SeaBIOS takes it for 'an SMI handler is installed' and then installs none. There is no SMM here.
    set_register(kDevactb, 4, 0x02000000, 0xffffffff);
    set_register(kPmregmisc, 1, 0, kPmiose);
    set_register(kSmbba, 4, 1, 0xfff0);
    set_register(kSmbhstcfg, 1, 0, 0x0f);
    set_register(kSmbslvc, 1, 0, 0xff);
}

std::optional<u16> Piix4Power::pm_base() const {
    const u16 base = static_cast<u16>(config_read(kPmba, 2) & 0xffc0);
    if ((config_read(kPmregmisc, 1) & kPmiose) == 0 || base == 0) return std::nullopt;
    return base;
}

std::optional<u16> Piix4Power::smbus_base() const {
    const u16 base = static_cast<u16>(config_read(kSmbba, 2) & 0xfff0);
    const bool enabled =
        (config_read(kSmbhstcfg, 1) & kSmbHstEn) != 0 && (config_read(kPciCommand, 1) & kPciCommandIo) != 0;
    if (!enabled || base == 0) return std::nullopt;
    return base;
}

void Piix4Power::set_pm_base(u16 base) {
    set_config(kPmba, 4, (base & 0xffc0u) | 1);
    set_config(kPmregmisc, 1, kPmiose);
    update();
}

void Piix4Power::update() {
    const auto tell = [](std::optional<u16>& told, std::optional<u16> now, const OnMove& callback) {
        if (told == now) return;
        told = now;
        if (callback) callback(now);
    };
    tell(told_pm_, pm_base(), on_pm_base_);
    tell(told_smbus_, smbus_base(), on_smbus_base_);
}

void Piix4Power::config_written(u8, unsigned) {
    update();
}

void Piix4Power::reset(ResetKind kind) {
    PciDevice::reset(kind);
    update();
}

void Piix4Power::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) { visit_config(archive); });
    if (archive.loading()) update();
}

}  // namespace twin86
