// System control port B, 0x61 (PIIX3 data sheet, 290550, section 2.5.4.1).
//
// Counter 2's output is computed when the port is read, so loops that poll it (TSC calibration) see exact times. A
// processor that the host took away between two reads finds what the port showed when it went: else a loop that measures
// the TSC until OUT rises would end with a TSC read from long before, and believe it. The next read shows the present.
#pragma once

#include <algorithm>
#include <functional>
#include <utility>

#include "devices/core/bus.h"
#include "devices/core/device.h"
#include "devices/timer/pit_8254.h"

namespace twin86 {

class Port61 : public Device, public IoHandler {
  public:
    /// `absence` is for how many nanoseconds the processor got no time since the last call; empty: never.
    explicit Port61(Pit8254& pit, std::function<u64()> absence = {}) : pit_(pit), absence_(std::move(absence)) {}

    std::string_view name() const override { return "port61"; }
    void reset(ResetKind) override { io_write(0, 1, 0); }
    void visit(StateArchive& archive) override {
        archive.section(name(), 1, [&](u32) { archive.field(control_); });
    }

    u32 io_read(u16, unsigned) override {
        seen_ns_ = moment();
        const bool refresh = (Pit8254::tick_at(seen_ns_) / kRefreshTicks & 1) != 0;
        return control_ | (refresh ? u32{kRefresh} : 0) | (pit_.output2(seen_ns_) ? u32{kOut2} : 0);
    }
    void io_write(u16, unsigned, u32 value) override {
        seen_ns_ = pit_.now_ns();
        control_ = static_cast<u8>(value & kWritable);
        pit_.set_gate2((control_ & kGate2) != 0);
    }
    bool speaker_on() const { return (control_ & (kGate2 | kSpeaker)) == (kGate2 | kSpeaker); }

  private:
    enum Bits : u8 { kGate2 = 1 << 0, kSpeaker = 1 << 1, kRefresh = 1 << 4, kOut2 = 1 << 5, kWritable = 0x0f };
    static constexpr i64 kRefreshTicks = 18;  // counter 1 as a BIOS programs it: a toggle each 15 us

    /// What a thread that is never interrupted may miss in system calls.
    static constexpr u64 kNoticed_ns = 50'000;

    /// What a read shows: the present, or when the processor went away since the last access.
    u64 moment() const {
        const u64 now = pit_.now_ns(), absent = absence_ ? absence_() : 0;
        if (absent < kNoticed_ns) return now;
        return std::max(std::min(seen_ns_, now), now - std::min(absent, now));
    }

    Pit8254& pit_;
    std::function<u64()> absence_;
    u8 control_ = 0;
    u64 seen_ns_ = 0;  // of the last access
};

}  // namespace twin86
