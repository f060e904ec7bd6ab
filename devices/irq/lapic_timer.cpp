#include "devices/irq/lapic_timer.h"

#include <algorithm>

#include "base/bits.h"

namespace twin86 {

/// Bits 3, 1 and 0 of the divide configuration: 000 is 2, 001 is 4 ... 110 is 128, 111 is 1.
unsigned LapicTimer::divider() const {
    const unsigned code = (divide_configuration_ & 3) | ((divide_configuration_ >> 1) & 4);
    return 1u << ((code + 1) & 7);
}

void LapicTimer::stop() {
    timer_.cancel();
    ticks_.clear();
    counting_ = false;
    tsc_deadline_ = 0;
}

void LapicTimer::set_mode(Mode mode) {
    if (mode == mode_) return;
    // Entering or leaving TSC-deadline mode disarms; one-shot and periodic share the running count.
    if (mode == Mode::kTscDeadline || mode_ == Mode::kTscDeadline) stop();
    mode_ = mode;
}

void LapicTimer::write_initial_count(u32 value) {
    if (mode_ == Mode::kTscDeadline) return;
    stop();
    initial_count_ = value;
    if (value == 0) return;
    counting_ = true;
    expiry_ns_ = queue_.now_ns() + period_ns();
    arm_count();
}

/// Virtual time left of the current count-down, also when the host is late with an expiry.
u64 LapicTimer::remaining_ns() const {
    const u64 now = queue_.now_ns();
    if (!counting_) return 0;
    if (now < expiry_ns_) return expiry_ns_ - now;
    if (mode_ != Mode::kPeriodic || period_ns() == 0) return 0;
    return period_ns() - (now - expiry_ns_) % period_ns();
}

u32 LapicTimer::current_count() const {
    if (mode_ == Mode::kTscDeadline) return 0;
    const u64 count = (remaining_ns() + divider() - 1) / divider();
    return static_cast<u32>(std::min<u64>(count, initial_count_));
}

void LapicTimer::write_divide_configuration(u32 value) {
    const u64 count = current_count();
    divide_configuration_ = value & 0xb;
    if (!counting_) return;
    expiry_ns_ = queue_.now_ns() + count * divider();  // the remaining counts pass at the new rate
    arm_count();
}

void LapicTimer::arm_count() {
    u64 deadline = expiry_ns_;
    if (mode_ == Mode::kPeriodic && period_ns() < kShortestRearm_ns)
        deadline = std::max(deadline, queue_.now_ns() + kShortestRearm_ns);
    timer_.arm(deadline);
}

void LapicTimer::write_tsc_deadline(u64 value) {
    if (mode_ != Mode::kTscDeadline) return;
    timer_.cancel();
    tsc_deadline_ = value;
    if (value != 0) arm_deadline();
}

void LapicTimer::tsc_changed() {
    if (mode_ == Mode::kTscDeadline && tsc_deadline_ != 0) arm_deadline();
}

/// A deadline that has passed fires at once, as the guest expects of the write itself.
void LapicTimer::arm_deadline() {
    const u64 now = queue_.now_ns();
    if (tsc_.tsc_at(now) >= tsc_deadline_) return expired();
    timer_.arm(std::max(tsc_.ns_at(tsc_deadline_), now + 1));
}

void LapicTimer::expired() {
    const u64 now = queue_.now_ns();
    u64 count = 1, period = 0;
    if (mode_ == Mode::kTscDeadline) {
        if (tsc_.tsc_at(now) < tsc_deadline_) return timer_.arm(std::max(tsc_.ns_at(tsc_deadline_), now + 1));
        stop();
    } else if (mode_ == Mode::kPeriodic && period_ns() != 0) {
        // From the previous expiry, not from now: the period does not drift when the host is late.
        const u64 late = now > expiry_ns_ ? now - expiry_ns_ : 0;
        period = period_ns();
        count += late / period;
        expiry_ns_ += period * count;
        arm_count();
    } else {
        counting_ = false;
    }
    ticks_.due(count, period);
}

void LapicTimer::reset() {
    stop();
    mode_ = Mode::kOneShot;
    initial_count_ = divide_configuration_ = 0;
    expiry_ns_ = 0;
}

void LapicTimer::visit(StateArchive& archive) {
    archive.fields(mode_, initial_count_, divide_configuration_, counting_, expiry_ns_, tsc_deadline_);
    ticks_.visit(archive);
    if (!archive.loading()) return;
    timer_.cancel();
    divide_configuration_ &= 0xb;
    if (mode_ == Mode::kTscDeadline) {
        // Not arm_deadline(): loading raises nothing, a passed deadline fires at the next run of the queue.
        if (tsc_deadline_ != 0) timer_.arm(tsc_.ns_at(tsc_deadline_));
    } else if (counting_) {
        timer_.arm(expiry_ns_);
    }
}

}  // namespace twin86
