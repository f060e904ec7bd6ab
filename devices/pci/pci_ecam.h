// Enhanced configuration access: 4 KiB of memory for each function. PCI Express Base 3.0, 7.2.2.
#pragma once

#include "devices/pci/pci_bus.h"

namespace twin86 {

/// To be mapped where the host bridge says; offset 0 is bus 0.
class PciEcam : public MmioHandler {
  public:
    static constexpr u64 kBytesPerBus = MiB;

    explicit PciEcam(PciBus& root) : root_(root) {}

    u64 mmio_read(u64 offset, unsigned size) override;
    void mmio_write(u64 offset, unsigned size, u64 value) override;

  private:
    PciBus& root_;
};

}  // namespace twin86
