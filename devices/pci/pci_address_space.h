// Who of the PCI functions answers where: places base address registers on the port and memory buses.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "base/log.h"
#include "devices/core/bus.h"
#include "devices/pci/pci_bar.h"

namespace twin86 {

/// A range of memory addresses that the host bridge forwards to PCI.
struct PciWindow {
    u64 first, last;
};

/// Guests move registers through each other's ranges and size them with all ones while they decode. A range that lies
/// outside the windows or over somebody else's is not decoded until it is free: what hardware does there is undefined.
class PciAddressSpace {
  public:
    PciAddressSpace(IoBus& io, MmioBus& mmio, std::vector<PciWindow> windows, Log* log = nullptr)
        : io_(io), mmio_(mmio), windows_(std::move(windows)), log_(log) {}

    IoBus& io() { return io_; }
    MmioBus& mmio() { return mmio_; }

    /// Where messages of functions go: 32-bit writes to memory. PCI Local Bus 3.0, 6.8.
    void set_on_message(std::function<void(u64 address, u32 data)> deliver) { deliver_ = std::move(deliver); }
    void send_message(u64 address, u32 data) {
        if (deliver_) deliver_(address, data);
    }

    void add(PciBar& bar) { bars_.push_back(&bar); }
    void remove(PciBar& bar);
    /// Makes what is mapped equal to what is wanted, as far as ranges are free.
    void refresh();
    /// Some range is not decoded because it lies over another one.
    bool has_overlaps() const;

  private:
    bool decodable(const PciBar& bar) const;
    bool free(const PciBar& bar) const;

    IoBus& io_;
    MmioBus& mmio_;
    std::vector<PciWindow> windows_;
    Log* log_;
    std::vector<PciBar*> bars_;
    std::function<void(u64, u32)> deliver_;
};

}  // namespace twin86
