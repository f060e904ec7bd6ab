// What a bridge lets through to the bus behind it, and from there.
#pragma once

#include "base/types.h"

namespace twin86 {

/// PCI-to-PCI Bridge Architecture 1.2, chapter 4.
class PciForwarding {
  public:
    virtual ~PciForwarding() = default;
    /// Accesses to all of [first, last] come through, down to here from the processor.
    virtual bool forwards(bool io, u64 first, u64 last) const = 0;
    /// Functions behind it reach memory.
    virtual bool forwards_dma() const = 0;
};

}  // namespace twin86
