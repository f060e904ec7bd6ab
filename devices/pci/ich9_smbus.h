// SMBus controller of the ICH9 (D31:F3) with no device on the bus: Intel 316972, chapter 18.
#pragma once

#include <array>

#include "devices/pci/pci_device.h"

namespace twin86 {

/// Every cycle ends at once with DEV_ERR, as one that nobody acknowledges.
class Ich9Smbus : public PciDevice, private IoHandler {
  public:
    static constexpr u32 kPorts = 32;

    Ich9Smbus();

    std::string_view name() const override { return "ich9-smbus"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

  private:
    u32 io_read(u16 offset, unsigned size) override;
    void io_write(u16 offset, unsigned size, u32 value) override;
    void write_control(u8 value);
    u8& block_byte();
    bool enabled() const;
    void update();

    std::array<u8, kPorts> registers_{};
    std::array<u8, 32> block_{};
    u8 block_at_ = 0;
};

}  // namespace twin86
