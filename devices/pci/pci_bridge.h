// PciBridge: a function with a bus behind it. PCI-to-PCI Bridge Architecture 1.2, 3.2 (type 1 header).
#pragma once

#include "devices/pci/pci_bus.h"

namespace twin86 {

/// Decodes the bus numbers and windows that software has set, passes INTx on, and resets its bus on request. A part of
/// the functions' address space: what the windows do not let through is not decoded.
class PciBridge : public PciDevice, private PciForwarding {
  public:
    PciBridge(const PciIdentity& identity, PciAddressSpace& space);

    u8 secondary() const { return static_cast<u8>(config_read(kSecondary, 1)); }
    u8 subordinate() const { return static_cast<u8>(config_read(kSubordinate, 1)); }
    PciBus& bus() { return bus_; }
    const PciBus& bus() const { return bus_; }

    void reset(ResetKind kind) override;

  protected:
    void config_written(u8 offset, unsigned size) override;
    /// Fields of this class; a bridge calls it inside its own section.
    void visit_bridge(StateArchive& archive);

  private:
    static constexpr u8 kSecondary = 0x19, kSubordinate = 0x1a;

    /// INTA to INTD of the bus behind come out at the same pins of the bridge's slot.
    struct Pins : IrqSink {
        explicit Pins(PciBridge& owner) : owner(owner) {}
        void set_level(unsigned pin, bool level) override { owner.connector().pins_behind[pin].set(level); }
        PciBridge& owner;
    };

    bool forwards(bool io, u64 first, u64 last) const override;
    bool forwards_dma() const override { return bus_master(); }

    PciAddressSpace& space_;
    Pins pins_{*this};
    PciBus bus_;
    bool in_reset_ = false;
};

}  // namespace twin86
