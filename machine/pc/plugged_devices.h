// Devices that were asked for beside the board's own: ports, memory and slots for them.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "devices/testdev/edu.h"
#include "devices/testdev/pc_testdev.h"
#include "devices/testdev/pci_testdev.h"
#include "machine/pc/board.h"

namespace twin86::pc {

class PluggedDevices {
  public:
    PluggedDevices(Board& board, PhysMap& phys, IoBus& io, MmioBus& mmio, TimerQueue& timers)
        : board_(board), phys_(phys), io_(io), mmio_(mmio), timers_(timers) {}

    /// At most one.
    void add_pc_testdev();
    // These fail when the slot is taken, or none is free.
    Status add_pci_testdev(std::optional<u8> slot) { return plug(std::make_unique<PciTestdev>(), slot); }
    Status add_edu(std::optional<u8> slot) { return plug(std::make_unique<Edu>(timers_, phys_), slot); }
    Status plug(std::unique_ptr<PciDevice> device, std::optional<u8> slot);

  private:
    std::optional<u8> free_slot() const;

    Board& board_;
    PhysMap& phys_;
    IoBus& io_;
    MmioBus& mmio_;
    TimerQueue& timers_;
    std::unique_ptr<PcTestdev> pc_testdev_;
    std::vector<std::unique_ptr<PciDevice>> functions_;
    std::vector<Mapping> mappings_;
};

}  // namespace twin86::pc
