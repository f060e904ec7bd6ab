// How a PC reports x87 errors while CR0.NE is clear: FERR# of the processor becomes IRQ 13, a write to port 0xf0 lowers it
// and lets the processor go on (IGNNE#) until FERR# falls. Intel 82371SB (PIIX3) data sheet, 2.5.7 "Coprocessor error
// register"; SDM vol. 1, D.2.
#pragma once

#include "devices/core/bus.h"
#include "devices/core/device.h"
#include "devices/core/irq_line.h"

namespace twin86 {

class CoprocessorError : public Device, public IoHandler {
  public:
    static constexpr IoPort kPort = 0xf0;

    explicit CoprocessorError(IrqLine irq) : irq_(irq) {}

    /// The level of FERR#; true: an error is pending.
    void set_ferr(bool asserted);
    /// IGNNE#: the processor shall ignore the error.
    bool ignne() const { return ignored_; }

    std::string_view name() const override { return "coprocessor-error"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;
    u32 io_read(u16, unsigned) override { return 0xff; }
    void io_write(u16 offset, unsigned size, u32 value) override;

  private:
    IrqLine irq_;
    bool ferr_ = false, ignored_ = false;
};

}  // namespace twin86
