// PCI-to-ISA bridge of the PIIX3: Intel 82371SB (290550), section 2.2; routes PIRQ[A:D] to ISA IRQs.
#pragma once

#include "devices/pci/pci_device.h"
#include "devices/pci/pirq_router.h"

namespace twin86 {

class Piix3IsaBridge : public PciDevice {
  public:
    /// `isa_irqs` has the inputs 0-15 (the GSI router).
    explicit Piix3IsaBridge(IrqSink& isa_irqs);

    /// The inputs PIRQA..PIRQD (0-3), for PciBus.
    IrqSink& pirq_inputs() { return router_; }
    /// Routes a PIRQ as firmware would; irq 0 disables it.
    void route(unsigned pirq, u8 irq);

    std::string_view name() const override { return "piix3-isa"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

  protected:
    void config_written(u8 offset, unsigned size) override;

  private:
    PirqRouter router_;
};

}  // namespace twin86
