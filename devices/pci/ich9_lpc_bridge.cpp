#include "devices/pci/ich9_lpc_bridge.h"

namespace twin86 {
namespace {

constexpr u8 kPmbase = 0x40, kAcpiCntl = 0x44, kGpiobase = 0x48, kGc = 0x4c, kPirqa = 0x60, kSirqCntl = 0x64;
constexpr u8 kPirqe = 0x68, kLpcIbdf = 0x6c, kHpetBdf = 0x70, kIoDec = 0x80, kLpcEn = 0x82, kGenDec = 0x84;
constexpr u8 kUlkmc = 0x94, kGenPmcon1 = 0xa0, kGenPmcon2 = 0xa2, kGenPmcon3 = 0xa4, kGenPmconLock = 0xa6;
constexpr u8 kCir4 = 0xa9, kBmBreakEn = 0xab, kPmir = 0xac, kGpioRoute = 0xb8, kFwhSel1 = 0xd0, kFwhSel2 = 0xd4;
constexpr u8 kFwhDecEn = 0xd8, kBiosCntl = 0xdc, kRcba = 0xf0;

constexpr u32 kPmbaseBits = 0xff80, kRcbaBits = 0xffffc000, kRcbaEnable = 1;
constexpr u8 kAcpiEnable = 0x80, kSciSelect = 0x07;

constexpr PciIdentity kIdentity = {.vendor_id = 0x8086,
                                   .device_id = 0x2918,
                                   .class_code = 0x060100,
                                   .revision = 2,
                                   .subsystem_vendor_id = 0x1af4,
                                   .subsystem_id = 0x1100,
                                   .multi_function = true};

}  // namespace

Ich9LpcBridge::Ich9LpcBridge(IrqSink& gsis, OnMove on_pm_base, OnMove on_root_complex)
    : PciDevice(kIdentity),
      gsis_(gsis),
      router_(gsis, kPirqs, [this](unsigned pirq) { return static_cast<u8>(config_read(route_register(pirq), 1)); }),
      on_pm_base_(std::move(on_pm_base)),
      on_root_complex_(std::move(on_root_complex)) {
    set_register(kPciCommand, 2, 0x0007, kPciCommandSerr | kPciCommandParity);  // I/O, memory and master are hard-wired
    set_register(kPciStatus, 2, 0x0200, 0, kPciStatusErrors);
    set_register(kPmbase, 4, 1, kPmbaseBits);
    set_register(kAcpiCntl, 1, 0, kAcpiEnable | kSciSelect);
    set_register(kGpiobase, 4, 1);  // there are no GPIO ports
    set_register(kGc, 1, 0);
    for (unsigned pirq = 0; pirq < kPirqs; ++pirq) set_register(route_register(pirq), 1, PirqRouter::kDisabled, 0x8f);
    set_register(kSirqCntl, 1, 0x10, 0xff);
    set_register(kLpcIbdf, 2, 0x00f8, 0xffff);
    set_register(kHpetBdf, 2, 0x00f8, 0xffff);
    set_register(kIoDec, 2, 0, 0x1377);
    set_register(kLpcEn, 2, 0, 0x3f0f);
    for (u8 n = 0; n < 4; ++n) set_register(static_cast<u8>(kGenDec + 4 * n), 4, 0, 0x00fcfffd);
    set_register(kUlkmc, 2, 0x2000, 0x00ff);
    set_register(kGenPmcon1, 2, 0, 0x0fff);
    set_register(kGenPmcon2, 1, 0, 0xff);
    set_register(kGenPmcon3, 1, 0, 0xff);
    set_register(kGenPmconLock, 1, 0, 0x06);
    set_register(kCir4, 1, 0x03, 0xff);
    set_register(kBmBreakEn, 1, 0, 0xff);
    set_register(kPmir, 4, 0, 0x00300000);
    set_register(kGpioRoute, 4, 0, 0xffffffff);
    set_register(kFwhSel1, 4, 0x00112233, 0xffffffff);
    set_register(kFwhSel2, 2, 0x4567, 0xffff);
    set_register(kFwhDecEn, 2, 0xffcf, 0xffff);
    set_register(kBiosCntl, 1, 0, 0x0f);
    set_register(kRcba, 4, 0, kRcbaBits | kRcbaEnable);
}

/// PIRQA to D, and E to H.
u8 Ich9LpcBridge::route_register(unsigned pirq) {
    return static_cast<u8>(pirq < 4 ? kPirqa + pirq : kPirqe + (pirq - 4));
}

void Ich9LpcBridge::set_level(unsigned pirq, bool level) {
    router_.set_level(pirq, level);
    gsis_.set_level(kFirstPirqGsi + pirq, level);
}

void Ich9LpcBridge::route(unsigned pirq, u8 irq) {
    CHECK(pirq < kPirqs && irq < 16, "PIRQ {} to IRQ {}", pirq, irq);
    set_config(route_register(pirq), 1, irq == 0 ? PirqRouter::kDisabled : irq);
    router_.update();
}

std::optional<u64> Ich9LpcBridge::pm_base() const {
    const u64 base = config_read(kPmbase, 4) & kPmbaseBits;
    if ((config_read(kAcpiCntl, 1) & kAcpiEnable) == 0 || base == 0) return std::nullopt;
    return base;
}

void Ich9LpcBridge::set_pm_base(u16 base) {
    set_config(kPmbase, 4, (base & kPmbaseBits) | 1);
    set_config(kAcpiCntl, 1, kAcpiEnable);
    update();
}

std::optional<u64> Ich9LpcBridge::root_complex_base() const {
    const u32 value = config_read(kRcba, 4);
    if ((value & kRcbaEnable) == 0) return std::nullopt;
    return value & kRcbaBits;
}

void Ich9LpcBridge::set_root_complex_base(u32 base) {
    set_config(kRcba, 4, (base & kRcbaBits) | kRcbaEnable);
    update();
}

void Ich9LpcBridge::update() {
    router_.update();
    if (on_pm_base_) on_pm_base_(pm_base());
    if (on_root_complex_) on_root_complex_(root_complex_base());
}

void Ich9LpcBridge::config_written(u8, unsigned) {
    update();
}

void Ich9LpcBridge::reset(ResetKind kind) {
    PciDevice::reset(kind);
    update();
}

void Ich9LpcBridge::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) {
        visit_config(archive);
        router_.visit(archive);
    });
    if (!archive.loading()) return;
    if (on_pm_base_) on_pm_base_(pm_base());
    if (on_root_complex_) on_root_complex_(root_complex_base());
}

}  // namespace twin86
