// The timer of a local APIC (SDM vol. 3, section 11.5.4): one-shot, periodic and TSC-deadline.
//
// The bus clock is 1 GHz of virtual time: one count is `divider` nanoseconds.
#pragma once

#include <functional>

#include "base/state_archive.h"
#include "devices/core/tick_backlog.h"
#include "devices/core/timer_queue.h"
#include "devices/irq/apic_bus.h"

namespace twin86 {

class LapicTimer {
  public:
    enum class Mode : u8 { kOneShot = 0, kPeriodic = 1, kTscDeadline = 2, kReserved = 3 };

    /// `fire` raises the interrupt, `waiting`: the last one has not been taken yet.
    LapicTimer(TimerQueue& queue, const TscClock& tsc, std::function<void()> fire, std::function<bool()> waiting)
        : queue_(queue),
          tsc_(tsc),
          timer_(queue, [this] { expired(); }),
          ticks_(queue, std::move(fire), std::move(waiting)) {}

    void set_mode(Mode mode);
    u32 initial_count() const { return initial_count_; }
    void write_initial_count(u32 value);
    u32 current_count() const;
    u32 divide_configuration() const { return divide_configuration_; }
    void write_divide_configuration(u32 value);

    u64 tsc_deadline() const { return tsc_deadline_; }
    void write_tsc_deadline(u64 value);
    /// The relation between TSC and virtual time changed.
    void tsc_changed();

    void interrupt_taken() { ticks_.interrupt_taken(); }

    void reset();
    void visit(StateArchive& archive);

  private:
    /// A guest that programs a shorter period gets its ticks merged: the request bit would merge them anyway.
    static constexpr u64 kShortestRearm_ns = 10'000;

    unsigned divider() const;
    u64 period_ns() const { return u64{initial_count_} * divider(); }
    u64 remaining_ns() const;
    void stop();
    void arm_count();
    void arm_deadline();
    void expired();

    TimerQueue& queue_;
    const TscClock& tsc_;
    Timer timer_;
    TickBacklog ticks_;

    Mode mode_ = Mode::kOneShot;
    u32 initial_count_ = 0;
    u32 divide_configuration_ = 0;
    bool counting_ = false;
    u64 expiry_ns_ = 0;     // of the current count-down
    u64 tsc_deadline_ = 0;  // 0: disarmed
};

}  // namespace twin86
