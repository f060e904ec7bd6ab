#include "devices/pci/pirq_router.h"

#include "base/check.h"

namespace twin86 {
namespace {

constexpr u16 kReservedIrqs = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 8 | 1 << 13;

}  // namespace

void PirqRouter::set_level(unsigned pirq, bool level) {
    CHECK(pirq < pirqs_, "PIRQ {}", pirq);
    levels_[pirq] = level;
    update();
}

std::optional<unsigned> PirqRouter::routed_irq(unsigned pirq) const {
    const u8 value = register_(pirq);
    const unsigned irq = value & 0x0f;
    if ((value & kDisabled) != 0 || (kReservedIrqs >> irq & 1) != 0) return std::nullopt;
    return irq;
}

void PirqRouter::update() {
    u16 wanted = 0;
    for (unsigned pirq = 0; pirq < pirqs_; ++pirq)
        if (const auto irq = routed_irq(pirq); irq && levels_[pirq]) wanted = static_cast<u16>(wanted | 1u << *irq);
    const u16 changed = wanted ^ driven_;
    driven_ = wanted;
    for (unsigned irq = 0; irq < 16; ++irq)
        if ((changed >> irq & 1) != 0) isa_irqs_.set_level(irq, (wanted >> irq & 1) != 0);
}

}  // namespace twin86
