// Devices that were asked for beside the board's own: ports, memory and slots for them.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "devices/pci/pcie_root_port.h"
#include "devices/testdev/edu.h"
#include "devices/testdev/pc_testdev.h"
#include "devices/testdev/pci_testdev.h"
#include "machine/pc/board.h"
#include "machine/pc/pci_place.h"

namespace twin86::pc {

class PluggedDevices {
  public:
    PluggedDevices(Board& board, PhysMap& phys, IoBus& io, MmioBus& mmio, TimerQueue& timers)
        : board_(board), phys_(phys), io_(io), mmio_(mmio), timers_(timers) {}

    /// At most one.
    void add_pc_testdev();
    // These fail when there is no such bus, the slot is taken, or none is free.
    Status add_pci_testdev(const PciPlace& place) { return plug(std::make_unique<PciTestdev>(), place); }
    Status add_edu(const PciPlace& place) { return plug(std::make_unique<Edu>(timers_, phys_), place); }
    /// Before what goes behind it; `id` names its bus, `slot` is what people see.
    Status add_root_port(const std::string& id, u16 slot, const PciPlace& place);
    Status plug(std::unique_ptr<PciDevice> device, const PciPlace& place);

  private:
    std::optional<u8> free_slot() const;
    bool is_root_bus(const std::string& bus) const;
    /// Where on the root bus.
    Result<u8> root_slot(std::string_view device, const PciPlace& place) const;
    Status plug_behind(PciDevice& device, const PciPlace& place);

    Board& board_;
    PhysMap& phys_;
    IoBus& io_;
    MmioBus& mmio_;
    TimerQueue& timers_;
    std::unique_ptr<PcTestdev> pc_testdev_;
    std::vector<std::unique_ptr<PcieRootPort>> ports_;
    std::vector<std::unique_ptr<PciDevice>> functions_;
    std::vector<Mapping> mappings_;
};

}  // namespace twin86::pc
