// System control port A (port 0x92). PS/2 technical reference; Intel 82371SB (PIIX3) data sheet, 2.5.5 "Port 92".
#pragma once

#include <functional>

#include "devices/core/bus.h"
#include "devices/core/device.h"

namespace twin86 {

/// Bit 1: A20 request; bit 0: a 0-to-1 change resets the processor.
class Port92 : public Device, public IoHandler {
  public:
    static constexpr IoPort kPort = 0x92;

    Port92(std::function<void(bool)> set_a20, std::function<void()> on_reset)
        : set_a20_(std::move(set_a20)), on_reset_(std::move(on_reset)) {}

    std::string_view name() const override { return "port92"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;
    u32 io_read(u16 offset, unsigned size) override;
    void io_write(u16 offset, unsigned size, u32 value) override;

  private:
    std::function<void(bool)> set_a20_;
    std::function<void()> on_reset_;
    u8 value_ = 0;
};

}  // namespace twin86
