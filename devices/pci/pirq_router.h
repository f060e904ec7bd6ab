// PirqRouter: which ISA IRQ each PCI interrupt request (PIRQ) reaches, by routing registers of the form that PIIX3
// (290550, 2.2.6) and ICH9 (316972, 13.1.17) share.
#pragma once

#include <array>
#include <functional>
#include <optional>

#include "base/state_archive.h"
#include "base/types.h"
#include "devices/core/irq_line.h"

namespace twin86 {

class PirqRouter : public IrqSink {
  public:
    static constexpr unsigned kMost = 8;
    static constexpr u8 kDisabled = 0x80;

    /// The routing register of a PIRQ.
    using Register = std::function<u8(unsigned pirq)>;

    /// `isa_irqs` has the inputs 0-15.
    PirqRouter(IrqSink& isa_irqs, unsigned pirqs, Register route)
        : isa_irqs_(isa_irqs), pirqs_(pirqs), register_(std::move(route)) {}

    void set_level(unsigned pirq, bool level) override;
    /// The registers may have changed.
    void update();
    /// Fields of its owner's section.
    void visit(StateArchive& archive) { archive.fields(levels_, driven_); }

  private:
    std::optional<unsigned> routed_irq(unsigned pirq) const;

    IrqSink& isa_irqs_;
    unsigned pirqs_;
    Register register_;
    std::array<bool, kMost> levels_{};
    u16 driven_ = 0;  // ISA IRQs that are high because of us
};

}  // namespace twin86
