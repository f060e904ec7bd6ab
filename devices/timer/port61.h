// System control port B, 0x61 (PIIX3 data sheet, 290550, section 2.5.4.1).
//
// Counter 2's output is computed when the port is read, so loops that poll it (TSC calibration) see exact times.
#pragma once

#include "devices/core/bus.h"
#include "devices/core/device.h"
#include "devices/timer/pit_8254.h"

namespace twin86 {

class Port61 : public Device, public IoHandler {
  public:
    explicit Port61(Pit8254& pit) : pit_(pit) {}

    std::string_view name() const override { return "port61"; }
    void reset(ResetKind) override { io_write(0, 1, 0); }
    void visit(StateArchive& archive) override {
        archive.section(name(), 1, [&](u32) { archive.field(control_); });
    }

    u32 io_read(u16, unsigned) override {
        const bool refresh = (Pit8254::tick_at(pit_.now_ns()) / kRefreshTicks & 1) != 0;
        return control_ | (refresh ? u32{kRefresh} : 0) | (pit_.output2() ? u32{kOut2} : 0);
    }
    void io_write(u16, unsigned, u32 value) override {
        control_ = static_cast<u8>(value & kWritable);
        pit_.set_gate2((control_ & kGate2) != 0);
    }
    bool speaker_on() const { return (control_ & (kGate2 | kSpeaker)) == (kGate2 | kSpeaker); }

  private:
    enum Bits : u8 { kGate2 = 1 << 0, kSpeaker = 1 << 1, kRefresh = 1 << 4, kOut2 = 1 << 5, kWritable = 0x0f };
    static constexpr i64 kRefreshTicks = 18;  // counter 1 as a BIOS programs it: a toggle each 15 us

    Pit8254& pit_;
    u8 control_ = 0;
};

}  // namespace twin86
