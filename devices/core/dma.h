// DmaView: guest physical memory as a bus master sees it.
#pragma once

#include <span>

#include "base/types.h"

namespace twin86 {

class DmaView {
  public:
    virtual ~DmaView() = default;
    /// Copies from guest RAM or ROM; false (buffer zeroed) when any byte is neither. Devices do not reach MMIO by DMA.
    virtual bool dma_read(Gpa address, std::span<u8> to) = 0;
    /// Copies into guest RAM; false when any byte is not RAM (bytes before it may have been written). Translated code
    /// and dirty tracking have seen the write when this returns.
    virtual bool dma_write(Gpa address, std::span<const u8> from) = 0;
};

}  // namespace twin86
