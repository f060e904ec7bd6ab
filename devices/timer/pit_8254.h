// 8254 programmable interval timer (Intel 231164) at 1,193,182 Hz, ports 0x40-0x43.
#pragma once

#include <array>

#include "devices/core/bus.h"
#include "devices/core/device.h"
#include "devices/core/irq_line.h"
#include "devices/core/tick_backlog.h"
#include "devices/core/timer_queue.h"
#include "devices/timer/pit_counter.h"

namespace twin86 {

class Pit8254 : public Device, public IoHandler {
  public:
    static constexpr u64 kFrequency_hz = 1'193'182;
    static constexpr u16 kPorts = 4;

    /// `out0` is the output of counter 0 (IRQ 0).
    Pit8254(TimerQueue& queue, IrqLine out0);

    std::string_view name() const override { return "i8254"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

    u32 io_read(u16 offset, unsigned size) override;
    void io_write(u16 offset, unsigned size, u32 value) override;

    /// The processor took an interrupt.
    void interrupt_taken() { backlog_.interrupt_taken(); }

    /// Counter 2 is wired to port 0x61.
    void set_gate2(bool level) { counters_[2].set_gate(level, tick()); }
    bool gate2() const { return counters_[2].gate(); }
    /// At a moment that is not before the last access to the counter.
    bool output2(u64 ns);
    bool output2() { return output2(now_ns()); }
    u64 now_ns() const { return queue_.now_ns(); }

    static i64 tick_at(u64 ns);
    static u64 ns_at(i64 tick);  ///< the first nanosecond of the tick

  private:
    /// Faster output than this reaches the line merged: no guest can take 100,000 interrupts of a PIT per second.
    static constexpr u64 kShortestRearm_ns = 10'000;

    i64 tick() const { return tick_at(queue_.now_ns()); }
    void read_back(u8 command);
    void update_output();
    void raise_output();
    void arm(i64 tick);

    TimerQueue& queue_;
    IrqLine out0_;
    Timer timer_;
    TickBacklog backlog_;
    std::array<PitCounter, 3> counters_{PitCounter(true), PitCounter(true), PitCounter(false)};
    i64 delivered_rise_ = PitCounter::kNoTick;
};

}  // namespace twin86
