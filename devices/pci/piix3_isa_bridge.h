// PCI-to-ISA bridge of the PIIX3: Intel 82371SB (290550), section 2.2; routes PIRQ[A:D] to ISA IRQs.
#pragma once

#include <array>

#include "devices/pci/pci_device.h"

namespace twin86 {

class Piix3IsaBridge : public PciDevice {
  public:
    /// `isa_irqs` has the inputs 0-15 (the GSI router).
    explicit Piix3IsaBridge(IrqSink& isa_irqs);

    /// The inputs PIRQA..PIRQD (0-3), for PciBus.
    IrqSink& pirq_inputs() { return inputs_; }
    /// Routes a PIRQ as firmware would; irq 0 disables it.
    void route(unsigned pirq, u8 irq);

    std::string_view name() const override { return "piix3-isa"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

  protected:
    void config_written(u8 offset, unsigned size) override;

  private:
    struct Inputs : IrqSink {
        explicit Inputs(Piix3IsaBridge& owner) : owner(owner) {}
        void set_level(unsigned pirq, bool level) override;
        Piix3IsaBridge& owner;
    };

    std::optional<unsigned> routed_irq(unsigned pirq) const;
    void update_irqs();

    IrqSink& isa_irqs_;
    Inputs inputs_;
    std::array<bool, 4> levels_{};
    u16 driven_ = 0;  // ISA IRQs that are high because of us
};

}  // namespace twin86
