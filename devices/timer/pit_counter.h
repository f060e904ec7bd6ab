// One counter of an 8254 (Intel 231164) in the tick domain: a pure function of the tick number, it owns no timer.
#pragma once

#include <optional>

#include "base/state_archive.h"
#include "base/types.h"

namespace twin86 {

/// All methods take the number of the current CLK tick. Counts load on the tick after the write, and everything else
/// (output, count, next edge) is computed from that tick, so nothing drifts and late callers see the right values.
class PitCounter {
  public:
    explicit PitCounter(bool gate) : gate_(gate) {}

    void write_control(u8 control_word, i64 tick);
    void write(u8 value, i64 tick);
    u8 read(i64 tick);
    void latch_count(i64 tick);
    void latch_status(i64 tick);
    void set_gate(bool level, i64 tick);

    bool gate() const { return gate_; }
    bool output(i64 tick) const;
    /// The count as the guest would read it, binary.
    u32 count(i64 tick) const;
    /// The latest low-to-high transition of OUT that counting produced at or before `tick`; kNoTick: none.
    i64 last_rise(i64 tick);
    /// How many of them lie behind `from` and not behind `to`, of the count that is in the counting element at `to`.
    i64 rises_between(i64 from, i64 to);
    /// The next such transition after `tick`.
    std::optional<i64> next_rise(i64 tick) const;
    /// Ticks between transitions, 0 when they do not repeat.
    u32 period() const { return periodic() && running() ? count_ : 0; }

    static constexpr i64 kNoTick = -1;

    void reset();
    void visit(StateArchive& archive);

  private:
    enum Access : u8 { kLatchCommand = 0, kLow = 1, kHigh = 2, kLowHigh = 3 };

    bool periodic() const { return mode_ == 2 || mode_ == 3; }
    bool triggered_mode() const { return mode_ == 1 || mode_ == 5; }
    bool running() const { return loaded_ && !paused_ && (!triggered_mode() || triggered_); }
    i64 elapsed(i64 tick) const;
    i64 boundary(i64 tick) const;
    void settle(i64 tick);
    void load(u16 written, i64 tick);
    void start(i64 tick);
    void begin_high_byte_wait(i64 tick);
    u16 displayed(i64 tick) const;
    u32 effective(u16 written) const;
    i64 rise_offset() const;
    i64 rise_at_or_before(i64 tick) const;
    u8 status(i64 tick) const;
    bool null_count(i64 tick) const;

    bool gate_;
    u8 control_ = 0;  // RW, mode and BCD as programmed
    u8 mode_ = 0;
    bool bcd_ = false;

    bool write_high_next_ = false, read_high_next_ = false;
    u8 written_low_ = 0;
    u16 latched_count_ = 0;
    u8 latched_bytes_ = 0;  // still to be read
    u8 latched_status_ = 0;
    bool status_latched_ = false;

    bool loaded_ = false;     // a count was written since the control word
    bool triggered_ = false;  // modes 1 and 5: the gate has risen since
    bool paused_ = false;     // the gate is low, or mode 0 waits for its second byte
    i64 start_ = 0;           // tick at which count_ was in the counting element
    i64 frozen_ = 0;          // ticks counted when paused
    u32 count_ = 65536;       // in the counting element
    u32 next_count_ = 65536;  // in the count register
    bool pending_ = false;    // next_count_ waits for boundary_ (modes 2 and 3)
    i64 boundary_ = 0;
    i64 seen_rise_ = kNoTick;  // of counts that are gone
};

}  // namespace twin86
