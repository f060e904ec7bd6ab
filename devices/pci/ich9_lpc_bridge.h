// LPC bridge of the ICH9 (D31:F0): Intel 316972, 13.1. Routes PIRQ[A:H], and says where the power management ports and
// the chipset configuration registers are.
#pragma once

#include "devices/pci/pci_device.h"
#include "devices/pci/pirq_router.h"

namespace twin86 {

class Ich9LpcBridge : public PciDevice, private IrqSink {
  public:
    static constexpr unsigned kPirqs = 8, kFirstPirqGsi = 16;
    static constexpr u16 kPmPorts = 0x80;

    /// Called with a base when it is decoded or moved, and with nothing when it is disabled.
    using OnMove = std::function<void(std::optional<u64> base)>;

    /// `gsis` has the inputs 0-23: PIRQA to PIRQH reach 16 to 23, and an ISA IRQ if it is routed to one.
    explicit Ich9LpcBridge(IrqSink& gsis, OnMove on_pm_base = {}, OnMove on_root_complex = {});

    /// The inputs PIRQA..PIRQH (0-7), for PciBus.
    IrqSink& pirq_inputs() { return *this; }
    /// Routes a PIRQ as firmware would; irq 0 disables it.
    void route(unsigned pirq, u8 irq);

    std::optional<u64> pm_base() const;
    /// Programs and enables PMBASE as firmware would.
    void set_pm_base(u16 base);
    /// RCBA: where the chipset configuration registers are.
    std::optional<u64> root_complex_base() const;
    void set_root_complex_base(u32 base);

    std::string_view name() const override { return "ich9-lpc"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

  protected:
    void config_written(u8 offset, unsigned size) override;

  private:
    static u8 route_register(unsigned pirq);
    void set_level(unsigned pirq, bool level) override;
    void update();

    IrqSink& gsis_;
    PirqRouter router_;
    OnMove on_pm_base_, on_root_complex_;
};

}  // namespace twin86
