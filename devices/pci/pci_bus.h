// PciBus: the functions on one bus, the buses behind its bridges, and the wiring of INTx pins.
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "devices/pci/pci_device.h"

namespace twin86 {

class PciBridge;

/// The PIRQ (0-3) that pin INTA..INTD (1-4) of a slot reaches on PIIX boards; firmware and the DSDT rely on it.
constexpr unsigned pci_pirq(unsigned slot, unsigned interrupt_pin) {
    return (slot + interrupt_pin - 2) & 3;
}

class PciBus : public Device, private IrqSink {
  public:
    static constexpr unsigned kFunctions = 256, kMostInputs = 8;

    /// The interrupt input that pin INTA..INTD (1-4) of a slot is wired to.
    using PinRoute = std::function<unsigned(unsigned slot, unsigned pin)>;

    /// `upstream` is the bridge in front; null: this is bus 0.
    PciBus(PciAddressSpace& space, IrqSink& inputs, PinRoute route = pci_pirq, const PciForwarding* upstream = nullptr)
        : space_(space), inputs_(inputs), route_(std::move(route)), upstream_(upstream) {}

    /// Plugs a function in; it is unplugged when the handle dies, which is before the function does.
    [[nodiscard]] Mapping attach(u8 devfn, PciDevice& device);
    [[nodiscard]] Mapping attach_bridge(u8 devfn, PciBridge& bridge);
    PciDevice* at(u8 devfn) const { return functions_[devfn]; }
    bool has(const PciDevice& device) const;
    /// Where a function that was attached is.
    u8 devfn_of(const PciDevice& device) const;
    const std::vector<PciBridge*>& bridges() const { return bridges_; }

    /// Configuration cycles on the root bus, to any bus number; nobody there reads all ones. `offset` is below 4 KiB.
    u32 config_read(u8 bus, u8 devfn, u16 offset, unsigned size) const;
    void config_write(u8 bus, u8 devfn, u16 offset, unsigned size, u32 value);

    /// The route of pins has changed.
    void reroute() { update_inputs(); }
    /// RST# of the bus.
    void reset_functions(ResetKind kind);

    std::string_view name() const override { return "pci-bus"; }
    /// Resets no function: each is a Device of its own.
    void reset(ResetKind kind) override {}
    void visit(StateArchive& archive) override;
    /// Fields and check of a section.
    void visit_levels(StateArchive& archive);

  private:
    /// Inputs are those of pins: devfn, in the bits above pin - 1, and 4 more for those of the bus behind a bridge.
    void set_level(unsigned input, bool level) override;
    PciDevice* find(u8 own_number, u8 number, u8 devfn) const;
    void update_inputs();
    u8 pins_of(unsigned devfn) const;

    PciAddressSpace& space_;
    IrqSink& inputs_;
    PinRoute route_;
    const PciForwarding* upstream_;
    std::array<PciDevice*, kFunctions> functions_{};
    std::vector<PciBridge*> bridges_;
    std::array<u8, kFunctions>
        levels_{};  // a bit for each pin. Several share an input of inputs_: it is high while one is
    u8 driven_ = 0;
};

}  // namespace twin86
