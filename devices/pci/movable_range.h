// MovableRange: ports or memory of a chipset whose place is in a register of its own, not in a base address register.
#pragma once

#include "devices/pci/pci_address_space.h"

namespace twin86 {

/// Competes for addresses as base address registers do: over somebody else's it is not decoded until they are free.
class MovableRange {
  public:
    MovableRange(PciAddressSpace& space, u32 size, IoHandler& handler, const char* name);
    MovableRange(PciAddressSpace& space, u64 size, MmioHandler& handler, const char* name);
    ~MovableRange() { space_.remove(bar_); }
    MovableRange(const MovableRange&) = delete;
    MovableRange& operator=(const MovableRange&) = delete;

    /// Nothing: not decoded.
    void move(std::optional<u64> base);
    void resize(u64 size);
    /// Where it is decoded now.
    std::optional<u64> base() const { return bar_.mapped; }
    u64 size() const { return bar_.size; }

  private:
    PciAddressSpace& space_;
    PciBar bar_;
};

}  // namespace twin86
