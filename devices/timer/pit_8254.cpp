#include "devices/timer/pit_8254.h"

#include <algorithm>

#include "base/bits.h"
#include "devices/timer/tick_rate.h"

namespace twin86 {

namespace {
constexpr u16 kControl = 3;
constexpr TickRate kClk(Pit8254::kFrequency_hz);
}  // namespace

Pit8254::Pit8254(TimerQueue& queue, IrqLine out0)
    : queue_(queue),
      out0_(out0),
      timer_(queue, [this] { update_output(); }),
      backlog_(
          queue, [this] { raise_output(); }, [this] { return out0_.edge_waits(); }) {}

i64 Pit8254::tick_at(u64 ns) {
    return static_cast<i64>(kClk.ticks(ns));
}

u64 Pit8254::ns_at(i64 tick) {
    return tick <= 0 ? 0 : kClk.ns(static_cast<u64>(tick));
}

void Pit8254::reset(ResetKind) {
    for (PitCounter& counter : counters_) counter.reset();
    delivered_rise_ = PitCounter::kNoTick;
    timer_.cancel();
    backlog_.clear();
    out0_.set(false);
}

void Pit8254::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) {
        for (PitCounter& counter : counters_) counter.visit(archive);
        archive.field(delivered_rise_);
        backlog_.visit(archive);
        timer_.visit(archive);
    });
}

bool Pit8254::output2(u64 ns) {
    const i64 at = tick_at(ns);
    counters_[2].last_rise(at);
    return counters_[2].output(at);
}

/// A low-high edge on the line, whatever it shows now.
void Pit8254::raise_output() {
    out0_.set(false);
    out0_.set(true);
}

/// Each rise since the last call is an edge on the line, however late the host is.
void Pit8254::update_output() {
    const i64 now = tick();
    const i64 rise = counters_[0].last_rise(now);
    if (rise > delivered_rise_) {
        const i64 ticks = std::max<i64>(counters_[0].rises_between(delivered_rise_, now), 1);
        delivered_rise_ = rise;
        backlog_.due(static_cast<u64>(ticks), ns_at(counters_[0].period()));
    }
    out0_.set(counters_[0].output(now));
    arm(now);
}

/// For the next rise after `tick`, which is the one that update_output() looked at: a rise since then is not lost.
void Pit8254::arm(i64 tick) {
    const std::optional<i64> next = counters_[0].next_rise(tick);
    if (!next) return timer_.cancel();
    u64 deadline = ns_at(*next);
    const u32 period = counters_[0].period();
    if (period != 0 && ns_at(period) < kShortestRearm_ns)
        deadline = std::max(deadline, queue_.now_ns() + kShortestRearm_ns);
    timer_.arm(deadline);
}

u32 Pit8254::io_read(u16 offset, unsigned) {
    return offset < counters_.size() ? counters_[offset].read(tick()) : 0xff;
}

/// Read-back command: bit 5 clear latches counts, bit 4 clear latches status, bits 1-3 choose counters.
void Pit8254::read_back(u8 command) {
    for (unsigned n = 0; n < counters_.size(); ++n) {
        if ((command & bit(n + 1)) == 0) continue;
        if ((command & 0x20) == 0) counters_[n].latch_count(tick());
        if ((command & 0x10) == 0) counters_[n].latch_status(tick());
    }
}

void Pit8254::io_write(u16 offset, unsigned, u32 value) {
    const u8 v = static_cast<u8>(value);
    const unsigned selected = v >> 6;
    if (offset == kControl && selected == 3) return read_back(v);
    if (offset == kControl && (v & 0x30) == 0) return counters_[selected].latch_count(tick());
    update_output();
    if (offset == kControl) {
        if (selected == 0) backlog_.clear();
        counters_[selected].write_control(v, tick());
    } else {
        counters_[offset & 3].write(v, tick());
    }
    update_output();
}

}  // namespace twin86
