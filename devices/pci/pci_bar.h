// A base address register: what a function wants mapped, and how. PCI 3.0, 6.2.5.
#pragma once

#include <functional>
#include <optional>

#include "devices/core/bus.h"
#include "devices/pci/pci_forwarding.h"

namespace twin86 {

enum class PciBarKind : u8 { kNone, kIo, kMemory32, kMemory64, kRom };

struct PciBar {
    PciBarKind kind = PciBarKind::kNone;
    bool prefetchable = false;
    u64 size = 0;  ///< of base address registers a power of two
    /// Makes the range answer at `base` for as long as the mapping lives. Memory that is not a handler (a frame buffer)
    /// is mapped by the machine's own function here.
    std::function<Mapping(u64 base)> map;

    // Kept by PciDevice and PciAddressSpace.
    const PciForwarding* upstream = nullptr;  ///< the bridge in front of it, if any
    std::optional<u64> wanted;  ///< where the function decodes now, by its registers
    std::optional<u64> mapped;
    Mapping mapping;

    bool is_io() const { return kind == PciBarKind::kIo; }
};

}  // namespace twin86
