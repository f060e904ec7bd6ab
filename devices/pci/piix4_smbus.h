// SMBus host controller of the PIIX4 (Intel 82371AB, 290562, section 7.2.9 on) with no device on the bus.
#pragma once

#include <array>

#include "devices/core/bus.h"
#include "devices/core/device.h"

namespace twin86 {

/// Every cycle ends at once with DEV_ERR, as one that nobody claims.
class Piix4Smbus : public Device, public IoHandler {
  public:
    static constexpr u32 kPorts = 16;

    std::string_view name() const override { return "piix4-smbus"; }
    void reset(ResetKind) override { registers_ = {}; }
    void visit(StateArchive& archive) override {
        archive.section(name(), 1, [&](u32) { archive.field(registers_); });
    }
    u32 io_read(u16 offset, unsigned) override { return registers_[offset & 15]; }
    void io_write(u16 offset, unsigned, u32 value) override;

  private:
    std::array<u8, kPorts> registers_{};
};

}  // namespace twin86
