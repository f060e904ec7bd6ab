// High precision event timers (IA-PC HPET specification 1.0a): three comparators on a 64-bit counter of 10 ns.
//
// In legacy replacement the HPET drives IRQ 0 and IRQ 8 instead of PIT and RTC: their outputs pass through here.
// FSB (MSI) delivery is not offered.
#pragma once

#include <array>

#include "base/log.h"
#include "devices/core/bus.h"
#include "devices/core/device.h"
#include "devices/core/irq_line.h"
#include "devices/core/tick_backlog.h"
#include "devices/core/timer_queue.h"

namespace twin86 {

class Hpet : public Device, public MmioHandler {
  public:
    static constexpr u64 kWindowSize = 0x400;
    static constexpr u64 kPeriod_ns = 10;
    static constexpr unsigned kTimers = 3;

    struct Wiring {
        IrqLine irq0, irq8;    ///< where PIT and RTC (or timers 0 and 1 in legacy replacement) go
        IrqSink* routes;       ///< input n is what INT_ROUTE n selects (the GSI router)
        u32 route_capability;  ///< the inputs that timers may select, Tn_INT_ROUTE_CAP
    };

    Hpet(TimerQueue& queue, const Wiring& wiring, Log& log);

    std::string_view name() const override { return "hpet"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

    u64 mmio_read(u64 offset, unsigned size) override;
    void mmio_write(u64 offset, unsigned size, u64 value) override;

    /// The processor took an interrupt.
    void interrupt_taken() {
        for (Comparator& t : timers_) t.backlog.interrupt_taken();
    }

    /// Inputs for the outputs of PIT counter 0 and of the RTC.
    IrqLine pit_input() { return IrqLine(legacy_inputs_, 0); }
    IrqLine rtc_input() { return IrqLine(legacy_inputs_, 1); }

  private:
    /// Shorter periods reach the guest merged, so that they cannot occupy the host.
    static constexpr u64 kShortestRearm_ns = 10'000;

    class LegacyInputs : public IrqSink {
      public:
        explicit LegacyInputs(Hpet& hpet) : hpet_(hpet) {}
        void set_level(unsigned pin, bool level) override { hpet_.legacy_input(pin, level); }
        bool edge_waits(unsigned pin) const override { return !hpet_.legacy() && hpet_.legacy_line(pin).edge_waits(); }

      private:
        Hpet& hpet_;
    };

    struct Comparator {
        Comparator(Hpet& hpet, unsigned n)
            : timer(hpet.queue_, [&hpet, n] { hpet.expired(n); }),
              backlog(
                  hpet.queue_, [&hpet, n] { hpet.line_of(n).pulse(); },
                  [&hpet, n] { return hpet.line_of(n).edge_waits(); }) {}
        Timer timer;
        TickBacklog backlog;  // of edge-triggered interrupts
        u64 config = 0;
        u64 value = ~u64{0};
        u64 period = 0;  // the last value written, for periodic mode
        u64 match_ns = TimerQueue::kNever;
        bool line = false;
    };

    bool enabled() const { return (config_ & 1) != 0; }
    bool legacy() const { return (config_ & 2) != 0; }
    u64 counter() const;
    u64 read_register(u64 offset) const;
    void write_register(u64 offset, u64 value, u64 mask);
    void write_config(u64 value);
    void write_status(u64 value);
    void write_timer_config(unsigned n, u64 value);
    void write_comparator(Comparator& t, u64 value, u64 mask);

    static u64 width_mask(const Comparator& t);
    void expired(unsigned n);
    void settle(unsigned n);
    void settle_all();
    void schedule(Comparator& t, bool this_tick_counts);
    void schedule_all();
    void arm(Comparator& t);
    void fire(unsigned n, u64 ticks);
    void update_line(unsigned n);
    IrqLine line_of(unsigned n) const;
    void release_line(unsigned n);
    void legacy_input(unsigned pin, bool level);
    IrqLine legacy_line(unsigned pin) const { return pin == 0 ? wiring_.irq0 : wiring_.irq8; }

    TimerQueue& queue_;
    Wiring wiring_;
    Log& log_;
    LegacyInputs legacy_inputs_{*this};

    u64 config_ = 0;
    u64 status_ = 0;
    u64 now_ns_ = 0;        // of the access or the timer that is served: a match is before it or after it
    u64 counter_base_ = 0;  // count at counter_start_ns_ (while enabled), or the halted count
    u64 counter_start_ns_ = 0;
    std::array<bool, 2> legacy_levels_{};
    std::array<Comparator, kTimers> timers_;
};

}  // namespace twin86
