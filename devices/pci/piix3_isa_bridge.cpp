#include "devices/pci/piix3_isa_bridge.h"

namespace twin86 {
namespace {

constexpr u8 kIort = 0x4c, kXbcs = 0x4e, kPirqrcA = 0x60, kPirqrcD = 0x63, kTom = 0x69, kMstat = 0x6a;
constexpr u8 kMbirq0 = 0x70, kMbdma0 = 0x76, kPcsc = 0x78, kApicbase = 0x80, kDlc = 0x82, kSmicntl = 0xa0,
             kSmien = 0xa2;
constexpr u8 kSee = 0xa4, kFtmr = 0xa8, kSmireq = 0xaa, kCtltmr = 0xac, kCthtmr = 0xae;

constexpr unsigned kPirqs = 4;

constexpr PciIdentity kIdentity = {
    .vendor_id = 0x8086, .device_id = 0x7000, .class_code = 0x060100, .multi_function = true};

}  // namespace

Piix3IsaBridge::Piix3IsaBridge(IrqSink& isa_irqs)
    : PciDevice(kIdentity), router_(isa_irqs, kPirqs, [this](unsigned pirq) {
          return static_cast<u8>(config_read(static_cast<u8>(kPirqrcA + pirq), 1));
      }) {
    set_register(kPciCommand, 2, 0x0007, kPciCommandSerr);  // I/O, memory and master are hard-wired
    set_register(kPciStatus, 2, 0x0200, 0, kPciStatusErrors);
    set_register(kIort, 1, 0x4d, 0xff);
    set_register(kXbcs, 2, 0x0003, 0x0fff);
    for (u8 reg = kPirqrcA; reg <= kPirqrcD; ++reg) set_register(reg, 1, PirqRouter::kDisabled, 0x8f);
    set_register(kTom, 1, 0x02, 0xff);
    set_register(kMstat, 2, 0, 0x8000);
    set_register(kMbirq0, 2, 0x8080, 0xefef);
    set_register(kMbdma0, 2, 0x0c0c, 0x8f8f);
    set_register(kPcsc, 2, 0x0002, 0xffff);
    set_register(kApicbase, 1, 0, 0x7f);
    set_register(kDlc, 1, 0, 0x0f);
    set_register(kSmicntl, 1, 0x08, 0x1f);
    set_register(kSmien, 2, 0, 0x01ff);
    set_register(kSee, 4, 0, 0xffffffff);
    set_register(kFtmr, 1, 0x0f, 0xff);
    set_register(kSmireq, 2, 0, 0x01ff);
    set_register(kCtltmr, 1, 0, 0xff);
    set_register(kCthtmr, 1, 0, 0xff);
}

void Piix3IsaBridge::route(unsigned pirq, u8 irq) {
    CHECK(pirq < kPirqs && irq < 16, "PIRQ {} to IRQ {}", pirq, irq);
    set_config(static_cast<u8>(kPirqrcA + pirq), 1, irq == 0 ? PirqRouter::kDisabled : irq);
    router_.update();
}

void Piix3IsaBridge::config_written(u8 offset, unsigned size) {
    if (offset <= kPirqrcD && offset + size > kPirqrcA) router_.update();
}

void Piix3IsaBridge::reset(ResetKind kind) {
    PciDevice::reset(kind);
    router_.update();
}

void Piix3IsaBridge::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) {
        visit_config(archive);
        router_.visit(archive);
    });
}

}  // namespace twin86
