// Chipset: what differs between the boards: host bridge, PCI, ISA bridge, where power management is, disk controller.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "devices/ahci/ahci_controller.h"
#include "devices/ata/piix3_ide.h"
#include "devices/irq/gsi_router.h"
#include "devices/pci/pci_bus.h"
#include "devices/timer/acpi_pm.h"
#include "mmu/phys_map.h"

namespace twin86::pc {

/// What of the board a chipset is wired to.
struct ChipsetWiring {
    IoBus& io;
    MmioBus& mmio;
    PhysMap& phys;
    GsiRouter& gsi;
    AcpiPm& acpi_pm;
    IoHandler& reset_control;
    u64 low_ram;
    Log& log;
};

/// Where configuration space is in memory, or will be; no buses: it is not.
struct EcamPlace {
    Gpa base = 0;
    unsigned buses = 0;
};

class Chipset {
  public:
    virtual ~Chipset() = default;

    virtual PciBus& root_bus() = 0;
    virtual PciAddressSpace& pci_space() = 0;
    /// All its devices, for resets and state archives.
    virtual std::vector<Device*> devices() = 0;
    /// RAM where the BIOS was, power management decoded, PIRQs routed, configuration memory decoded.
    virtual void leave_as_firmware_does() = 0;
    /// Where the power management ports are, or will be.
    virtual u16 pm_base() const = 0;
    virtual EcamPlace ecam() const { return {}; }

    // The disk controller: one of them.
    virtual Piix3Ide* ide() { return nullptr; }
    virtual AhciController* sata() { return nullptr; }

    /// As -device's bus= spells it.
    virtual std::string_view root_bus_name() const = 0;
    /// Open Firmware's name of the ISA bridge, below the root bus.
    virtual std::string isa_path() const = 0;
    /// Where the display adapter goes; optional functions go behind it.
    virtual u8 display_slot() const = 0;
};

}  // namespace twin86::pc
