// MC146818A real-time clock with 128 bytes of CMOS RAM (Motorola MC146818A data sheet; ports 0x70 and 0x71).
//
// The time of day is wall time plus an offset, which a guest changes by setting the clock; nothing counts seconds.
// Flags of register C come about lazily, timers run only for interrupts that are enabled. Periodic interrupts follow
// virtual time since the divider chain was started.
#pragma once

#include <array>

#include "devices/core/bus.h"
#include "devices/core/device.h"
#include "devices/core/irq_line.h"
#include "devices/core/timer_queue.h"
#include "devices/timer/rtc_calendar.h"

namespace twin86 {

class RtcMc146818 : public Device, public IoHandler {
  public:
    static constexpr unsigned kCells = 128;
    static constexpr u8 kCentury = 0x32;
    static constexpr u16 kPorts = 2;

    /// The clock shows wall time + offset_ns at power-on (0: UTC; the machine computes it for `-rtc base=`).
    RtcMc146818(TimerQueue& queue, const WallClock& wall, i64 offset_ns, IrqLine irq8);

    std::string_view name() const override { return "mc146818"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

    u32 io_read(u16 offset, unsigned size) override;
    void io_write(u16 offset, unsigned size, u32 value) override;

    /// For the machine: memory size, boot order and what else firmware expects in CMOS RAM.
    void set_cell(u8 index, u8 value) { cells_[index & 0x7f] = value; }
    u8 cell(u8 index) const { return cells_[index & 0x7f]; }
    bool nmi_masked() const { return nmi_masked_; }

  private:
    bool halted() const;
    bool divider_stopped() const;
    i64 rtc_ns() const { return wall_.now_unix_ns() + offset_ns_; }
    i64 rtc_second() const;
    i64 second_fraction() const;
    void set_time(i64 second, i64 fraction);
    u64 periodic_ticks() const;
    u64 periodic_count(u64 now_ns) const;

    u8 read(u8 index);
    void write(u8 index, u8 value);
    void write_a(u8 value);
    void write_b(u8 value);
    u8 read_c();
    u8 read_a() const;
    void change_running(u8 a, u8 b);

    void store_time(i64 second);
    i64 time_in_cells() const;
    u8 encode(int value) const;
    int decode(u8 value) const;
    u8 encode_hour(int hour) const;
    int decode_hour(u8 value) const;

    void sync();
    void sync_seconds();
    bool alarm_matches(i64 second) const;
    void update_irq();
    void arm();

    TimerQueue& queue_;
    const WallClock& wall_;
    IrqLine irq8_;
    Timer timer_;

    std::array<u8, kCells> cells_{};
    u8 index_ = 0;
    bool nmi_masked_ = false;
    i64 offset_ns_;
    i64 synced_second_ = 0;     // update-ended and alarm flags are right up to here
    u64 divider_start_ns_ = 0;  // virtual time
    u64 synced_periods_ = 0;
};

}  // namespace twin86
