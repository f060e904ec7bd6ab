// Reset control register (port 0xcf9). Intel 82371SB (PIIX3) data sheet, 2.5.6 "RC: reset control register".
#pragma once

#include <functional>

#include "devices/core/bus.h"
#include "devices/core/device.h"

namespace twin86 {

/// Bit 1 chooses a hard reset, bit 2 going from 0 to 1 starts the reset that bit 1 chose.
/// The port lies inside the PCI configuration address register (0xcf8-0xcfb): the board's handler of that dword passes
/// byte accesses at offset 1 to this device.
class ResetControl : public Device, public IoHandler {
  public:
    static constexpr IoPort kPort = 0xcf9;

    /// `hard` is the value of bit 1: false asks for a processor reset (INIT) only.
    explicit ResetControl(std::function<void(bool hard)> on_reset) : on_reset_(std::move(on_reset)) {}

    std::string_view name() const override { return "reset-control"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;
    u32 io_read(u16 offset, unsigned size) override;
    void io_write(u16 offset, unsigned size, u32 value) override;

  private:
    std::function<void(bool)> on_reset_;
    u8 value_ = 0;
};

}  // namespace twin86
