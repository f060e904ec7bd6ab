// A PCI Express root port: link to one device. PCI Express Base 3.0, 7.8 and 6.7 (slots).
//
// Software may take the device out of use and into use again (indicators, commands that interrupt by MSI-X); the
// device itself stays where it is, and the slot has neither power controller nor attention button.
#pragma once

#include "devices/pci/pci_bridge.h"

namespace twin86 {

class PcieRootPort : public PciBridge {
  public:
    static constexpr unsigned kMostSlot = 0x1fff;

    /// `slot` is the physical slot number that software shows people.
    PcieRootPort(std::string name, u16 slot, PciAddressSpace& space);

    /// Plugs the device at the other end of the link in. Once.
    [[nodiscard]] Mapping plug(PciDevice& device);
    bool occupied() const { return bus().at(0) != nullptr; }

    std::string_view name() const override { return name_; }
    void visit(StateArchive& archive) override;

  protected:
    void config_written(u8 offset, unsigned size) override;

  private:
    std::string name_;
    u8 express_;  // offset of the capability
};

}  // namespace twin86
