// The SATA function of the ICH9 in AHCI mode: PCI 8086:2922 (Intel 316972, 14.1), registers of AHCI 1.3.1, 3.1.
#pragma once

#include <vector>

#include "base/log.h"
#include "devices/ahci/ahci_port.h"
#include "devices/pci/pci_device.h"

namespace twin86 {

class AhciController : public PciDevice, private MmioHandler {
  public:
    static constexpr unsigned kPorts = 6;
    static constexpr u64 kWindowBytes = 4 * KiB;

    AhciController(std::string name, DmaView& memory, Log& log);

    AhciPort& port(unsigned n) { return *ports_[n]; }

    std::string_view name() const override { return name_; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

  private:
    u64 mmio_read(u64 offset, unsigned size) override;
    void mmio_write(u64 offset, unsigned size, u64 value) override;
    u32 read(u32 offset) const;
    void write(u32 offset, u32 value);
    void reset_adapter();
    void update();

    std::string name_;
    Log& log_;
    std::vector<std::unique_ptr<AhciPort>> ports_;
    u32 control_ = 0, pending_ = 0;
};

}  // namespace twin86
