// PciBus: bus 0 with its functions, and the wiring of their INTx pins to four PIRQ inputs.
#pragma once

#include <array>

#include "devices/pci/pci_device.h"

namespace twin86 {

/// The PIRQ (0-3) that pin INTA..INTD (1-4) of a slot reaches on PIIX boards; firmware and the DSDT rely on it.
constexpr unsigned pci_pirq(unsigned slot, unsigned interrupt_pin) {
    return (slot + interrupt_pin - 2) & 3;
}

class PciBus : public Device, public IrqSink {
  public:
    static constexpr unsigned kFunctions = 256;

    /// `pirqs` has the inputs 0-3 (Piix3IsaBridge::pirq_inputs()).
    PciBus(PciAddressSpace& space, IrqSink& pirqs) : space_(space), pirqs_(pirqs) {}

    /// Plugs a function in; it is unplugged when the handle dies, which is before the function does.
    [[nodiscard]] Mapping attach(u8 devfn, PciDevice& device);
    PciDevice* at(u8 devfn) const { return functions_[devfn]; }
    /// Where a function that was attached is.
    u8 devfn_of(const PciDevice& device) const;

    /// Configuration cycles on any bus number; nobody there reads all ones.
    u32 config_read(u8 bus, u8 devfn, u8 offset, unsigned size) const;
    void config_write(u8 bus, u8 devfn, u8 offset, unsigned size, u32 value);

    /// INTx of a function; the pin is its devfn. Several functions share a PIRQ: it is high while one of them is.
    void set_level(unsigned devfn, bool level) override;

    std::string_view name() const override { return "pci-bus"; }
    /// Resets no function: each is a Device of its own.
    void reset(ResetKind kind) override {}
    void visit(StateArchive& archive) override;

  private:
    PciDevice* find(u8 bus, u8 devfn) const { return bus == 0 ? functions_[devfn] : nullptr; }

    PciAddressSpace& space_;
    IrqSink& pirqs_;
    std::array<PciDevice*, kFunctions> functions_{};
    std::array<bool, kFunctions> levels_{};
};

}  // namespace twin86
