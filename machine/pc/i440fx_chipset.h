// The chipset of -machine pc: i440FX, PIIX3 with IDE, PIIX4 power management with SMBus.
#pragma once

#include <array>

#include "devices/pci/i440fx_host_bridge.h"
#include "devices/pci/movable_range.h"
#include "devices/pci/pci_config_ports.h"
#include "devices/pci/piix3_isa_bridge.h"
#include "devices/pci/piix4_power.h"
#include "devices/pci/piix4_smbus.h"
#include "machine/pc/chipset.h"
#include "machine/pc/shadow_ram.h"

namespace twin86::pc {

class I440fxChipset : public Chipset {
  public:
    explicit I440fxChipset(const ChipsetWiring& to);

    PciBus& root_bus() override { return bus_; }
    PciAddressSpace& pci_space() override { return space_; }
    std::vector<Device*> devices() override;
    void leave_as_firmware_does() override;
    u16 pm_base() const override;
    Piix3Ide* ide() override { return &ide_; }
    std::string_view root_bus_name() const override { return "pci.0"; }
    std::string isa_path() const override { return "isa@1"; }
    u8 display_slot() const override { return 2; }

  private:
    void map_ide(unsigned channel, bool decoded);

    ShadowRam shadow_;
    PciAddressSpace space_;
    Piix3IsaBridge isa_bridge_;
    PciBus bus_;
    PciConfigPorts config_ports_;
    Piix4Smbus smbus_;
    I440fxHostBridge host_bridge_;
    Piix3Ide ide_;
    Piix4Power power_;
    MovableRange pm_ports_, smbus_ports_;
    std::array<MovableRange, Piix3Ide::kChannels> ide_command_, ide_control_;
    std::vector<Mapping> mappings_;
};

}  // namespace twin86::pc
