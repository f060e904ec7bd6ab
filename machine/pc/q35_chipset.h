// The chipset of -machine q35: Q35 with memory-mapped configuration space, ICH9 with AHCI and SMBus.
#pragma once

#include "devices/pci/ich9_chipset_registers.h"
#include "devices/pci/ich9_lpc_bridge.h"
#include "devices/pci/ich9_smbus.h"
#include "devices/pci/movable_range.h"
#include "devices/pci/pci_config_ports.h"
#include "devices/pci/pci_ecam.h"
#include "devices/pci/q35_host_bridge.h"
#include "devices/timer/ich9_pm.h"
#include "machine/pc/chipset.h"
#include "machine/pc/extended_smram.h"
#include "machine/pc/shadow_ram.h"

namespace twin86::pc {

class Q35Chipset : public Chipset {
  public:
    explicit Q35Chipset(const ChipsetWiring& to);

    PciBus& root_bus() override { return bus_; }
    PciAddressSpace& pci_space() override { return space_; }
    std::vector<Device*> devices() override;
    void leave_as_firmware_does() override;
    u16 pm_base() const override;
    EcamPlace ecam() const override;
    AhciController* sata() override { return &sata_; }
    std::string_view root_bus_name() const override { return "pcie.0"; }
    std::string isa_path() const override { return "isa@1f"; }
    u8 display_slot() const override { return 1; }

  private:
    void show_memory();
    void move_ecam(std::optional<Q35HostBridge::Ecam> to);

    ShadowRam shadow_;
    ExtendedSmram extended_smram_;
    PciAddressSpace space_;
    Ich9Pm pm_;
    Ich9ChipsetRegisters registers_;
    Ich9LpcBridge lpc_;
    PciBus bus_;
    PciConfigPorts config_ports_;
    PciEcam ecam_;
    Q35HostBridge host_bridge_;
    AhciController sata_;
    Ich9Smbus smbus_;
    MovableRange ecam_memory_, registers_memory_, pm_ports_;
    std::vector<Mapping> mappings_;
};

}  // namespace twin86::pc
