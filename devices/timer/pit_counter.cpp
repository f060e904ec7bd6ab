#include "devices/timer/pit_counter.h"

#include <algorithm>

#include "base/bits.h"

namespace twin86 {

namespace {
constexpr u32 kBcdModulus = 10'000, kBinaryModulus = 65'536;

u32 from_bcd(u16 v) {
    return (v >> 12) * 1000u + (v >> 8 & 15) * 100u + (v >> 4 & 15) * 10u + (v & 15);
}
u16 to_bcd(u32 v) {
    return static_cast<u16>(v / 1000 % 10 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 | v % 10);
}
}  // namespace

/// Zero is the largest count; 1 is illegal in modes 2 and 3 and counts as 2.
u32 PitCounter::effective(u16 written) const {
    u32 n = bcd_ ? from_bcd(written) % kBcdModulus : written;
    if (n == 0) n = bcd_ ? kBcdModulus : kBinaryModulus;
    return periodic() ? std::max(n, 2u) : n;
}

i64 PitCounter::elapsed(i64 tick) const {
    return paused_ ? frozen_ : std::max<i64>(tick - start_, 0);
}

/// Where a new count of mode 2 (end of the period) or mode 3 (end of the half-cycle) is loaded.
i64 PitCounter::boundary(i64 tick) const {
    const i64 n = count_, e = elapsed(tick), period_start = start_ + e / n * n;
    const i64 high_half = (n + 1) / 2;
    if (mode_ == 3 && e % n < high_half) return period_start + high_half;
    return period_start + n;
}

/// Brings a count whose time has come into the counting element.
void PitCounter::settle(i64 tick) {
    if (!pending_ || paused_ || tick < boundary_) return;
    seen_rise_ = std::max(seen_rise_, rise_at_or_before(boundary_));
    const bool into_low_half = mode_ == 3 && (boundary_ - start_) % count_ != 0;
    count_ = next_count_;
    start_ = into_low_half ? boundary_ - (i64{count_} + 1) / 2 : boundary_;
    pending_ = false;
}

void PitCounter::write_control(u8 control_word, i64 tick) {
    seen_rise_ = last_rise(tick);
    control_ = control_word & 0x3f;
    mode_ = static_cast<u8>(bits(control_word, 3, 1));
    if (mode_ > 5) mode_ &= 3;
    bcd_ = (control_word & 1) != 0;
    write_high_next_ = read_high_next_ = false;
    latched_bytes_ = 0;
    status_latched_ = false;
    loaded_ = triggered_ = paused_ = pending_ = false;
    frozen_ = 0;
    start_ = tick + 1;
    count_ = next_count_ = effective(0);
}

void PitCounter::write(u8 value, i64 tick) {
    settle(tick);
    switch (bits(control_, 5, 4)) {
        case kHigh:
            return load(static_cast<u16>(value << 8), tick);
        case kLowHigh:
            if (!write_high_next_) {
                written_low_ = value;
                write_high_next_ = true;
                return begin_high_byte_wait(tick);
            }
            write_high_next_ = false;
            return load(static_cast<u16>(value << 8 | written_low_), tick);
        default:
            return load(value, tick);
    }
}

/// Mode 0: writing the first byte disables counting and sets OUT low at once.
void PitCounter::begin_high_byte_wait(i64 tick) {
    if (mode_ != 0 || !loaded_) return;
    seen_rise_ = last_rise(tick);
    loaded_ = false;
}

void PitCounter::load(u16 written, i64 tick) {
    next_count_ = effective(written);
    if (triggered_mode()) {  // the running cycle is not disturbed; the next trigger takes the count
        loaded_ = true;
        return;
    }
    if (periodic() && loaded_) {
        if (!paused_ && tick < start_) {
            count_ = next_count_;
        } else if (!paused_) {
            pending_ = true;
            boundary_ = boundary(tick);
        }  // else the rising gate loads it
        return;
    }
    seen_rise_ = last_rise(tick);
    loaded_ = true;
    start(tick);
    paused_ = !gate_;
}

/// Loads the count register into the counting element on the next tick.
void PitCounter::start(i64 tick) {
    count_ = next_count_;
    start_ = tick + 1;
    frozen_ = 0;
    pending_ = false;
}

void PitCounter::set_gate(bool level, i64 tick) {
    if (level == gate_) return;
    settle(tick);
    const i64 rise = last_rise(tick);
    gate_ = level;
    if (!loaded_) return;
    if (triggered_mode()) {
        if (!level) return;
        seen_rise_ = rise;
        triggered_ = true;
        start(tick);
    } else if (!level) {
        seen_rise_ = rise;
        frozen_ = elapsed(tick);
        paused_ = true;
    } else if (periodic()) {
        paused_ = false;
        start(tick);
    } else {
        start_ = tick - frozen_;
        paused_ = false;
    }
}

bool PitCounter::output(i64 tick) const {
    if (!loaded_) return mode_ != 0;
    const i64 e = elapsed(tick), n = count_;
    switch (mode_) {
        case 0:
            return tick >= start_ && e >= n;
        case 1:
            return !triggered_ || tick < start_ || e >= n;
        case 2:
            return paused_ || tick < start_ || e % n != n - 1;
        case 3:
            return paused_ || tick < start_ || e % n < (n + 1) / 2;
        case 4:
            return paused_ || tick < start_ || e != n;
        default:
            return !triggered_ || tick < start_ || e != n;
    }
}

/// Ticks from the load to the first rise.
i64 PitCounter::rise_offset() const {
    return mode_ >= 4 ? i64{count_} + 1 : i64{count_};
}

i64 PitCounter::rise_at_or_before(i64 tick) const {
    if (!running()) return kNoTick;
    const i64 first = start_ + rise_offset();
    if (tick < first) return kNoTick;
    return periodic() ? first + (tick - first) / count_ * count_ : first;
}

i64 PitCounter::last_rise(i64 tick) {
    settle(tick);
    return std::max(seen_rise_, rise_at_or_before(tick));
}

i64 PitCounter::rises_between(i64 from, i64 to) {
    settle(to);
    const i64 first = start_ + rise_offset();
    const auto until = [&](i64 tick) -> i64 {
        if (!running() || tick < first) return 0;
        return periodic() ? (tick - first) / count_ + 1 : 1;
    };
    return until(to) - until(from);
}

std::optional<i64> PitCounter::next_rise(i64 tick) const {
    if (!running()) return std::nullopt;
    const i64 first = start_ + rise_offset();
    // A waiting count moves the edges that follow its boundary; the caller asks again there.
    if (pending_) return std::max(boundary_, tick + 1);
    if (tick < first) return first;
    if (!periodic()) return std::nullopt;
    return first + ((tick - first) / count_ + 1) * count_;
}

u32 PitCounter::count(i64 tick) const {
    const u32 modulus = bcd_ ? kBcdModulus : kBinaryModulus;
    const i64 n = count_;
    const i64 e = loaded_ && (!triggered_mode() || triggered_) ? elapsed(tick) : 0;
    if (mode_ == 2) return static_cast<u32>((n - e % n) % modulus);
    if (mode_ == 3) {  // counts by two, twice per period; an odd count starts one lower
        const i64 high_half = (n + 1) / 2, in_period = e % n;
        const i64 in_half = in_period < high_half ? in_period : in_period - high_half;
        return static_cast<u32>(std::max<i64>((n & ~i64{1}) - 2 * in_half, 0) % modulus);
    }
    const i64 left = (n - e) % modulus;
    return static_cast<u32>(left < 0 ? left + modulus : left);
}

u16 PitCounter::displayed(i64 tick) const {
    const u32 value = count(tick);
    return bcd_ ? to_bcd(value) : static_cast<u16>(value);
}

bool PitCounter::null_count(i64 tick) const {
    return !loaded_ || pending_ ||
           (triggered_mode() ? !triggered_ || count_ != next_count_ : tick < start_ && !paused_);
}

u8 PitCounter::status(i64 tick) const {
    return static_cast<u8>((output(tick) ? 0x80 : 0) | (null_count(tick) ? 0x40 : 0) | control_);
}

void PitCounter::latch_count(i64 tick) {
    settle(tick);
    if (latched_bytes_ != 0) return;
    latched_count_ = displayed(tick);
    latched_bytes_ = bits(control_, 5, 4) == kLowHigh ? 2 : 1;
}

void PitCounter::latch_status(i64 tick) {
    settle(tick);
    if (status_latched_) return;
    latched_status_ = status(tick);
    status_latched_ = true;
}

u8 PitCounter::read(i64 tick) {
    settle(tick);
    if (status_latched_) {
        status_latched_ = false;
        return latched_status_;
    }
    const u16 value = latched_bytes_ != 0 ? latched_count_ : displayed(tick);
    if (latched_bytes_ != 0) --latched_bytes_;
    bool high = bits(control_, 5, 4) == kHigh;
    if (bits(control_, 5, 4) == kLowHigh) {
        high = read_high_next_;
        read_high_next_ = !read_high_next_;
    }
    return static_cast<u8>(high ? value >> 8 : value);
}

void PitCounter::reset() {
    *this = PitCounter(gate_);
}

void PitCounter::visit(StateArchive& archive) {
    archive.fields(gate_, control_, mode_, bcd_, write_high_next_, read_high_next_, written_low_, latched_count_,
                   latched_bytes_, latched_status_, status_latched_, loaded_, triggered_, paused_, start_, frozen_,
                   count_, next_count_, pending_, boundary_, seen_rise_);
    if (!archive.loading()) return;
    const auto legal = [](u32 n) { return n >= 1 && n <= kBinaryModulus; };
    constexpr i64 kFarthest = i64{1} << 55;
    const auto near = [](i64 t) { return t > -kFarthest && t < kFarthest; };
    if (mode_ <= 5 && latched_bytes_ <= 2 && legal(count_) && legal(next_count_) && near(start_) && near(frozen_) &&
        near(boundary_))
        return;
    archive.fail("i8254: impossible state");
    reset();
}

}  // namespace twin86
