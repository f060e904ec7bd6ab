#include "devices/timer/hpet.h"

#include <algorithm>

#include "base/bits.h"

namespace twin86 {

namespace {
enum Offset : u64 {
    kCapabilities = 0x000,
    kConfiguration = 0x010,
    kInterruptStatus = 0x020,
    kMainCounter = 0x0f0,
    kTimerFirst = 0x100,
    kTimerStride = 0x20,
    kTimerConfig = 0x00,
    kTimerComparator = 0x08,
};
enum GeneralConfig : u64 { kEnable = 1 << 0, kLegacyRoute = 1 << 1 };
enum TimerConfig : u64 {
    kLevel = 1 << 1,
    kInterruptEnable = 1 << 2,
    kPeriodic = 1 << 3,
    kPeriodicCapable = 1 << 4,
    k64BitCapable = 1 << 5,
    kValueSet = 1 << 6,
    k32BitMode = 1 << 8,
};
constexpr u64 kFarthest_ticks = bit(56);  // of matches that are worth a timer
constexpr u64 kRouteMask = 0x1f << 9;
constexpr u64 kTimerWritable = kLevel | kInterruptEnable | kPeriodic | kValueSet | k32BitMode;

constexpr u64 capabilities() {
    constexpr u64 kRevision = 0x01, kCounter64 = 1 << 13, kLegacyCapable = 1 << 15, kVendor = 0x8086;
    constexpr u64 kPeriod_fs = Hpet::kPeriod_ns * 1'000'000;
    return kRevision | u64{Hpet::kTimers - 1} << 8 | kCounter64 | kLegacyCapable | kVendor << 16 | kPeriod_fs << 32;
}
}  // namespace

Hpet::Hpet(TimerQueue& queue, const Wiring& wiring, Log& log)
    : queue_(queue),
      wiring_(wiring),
      log_(log),
      timers_{Comparator(*this, 0), Comparator(*this, 1), Comparator(*this, 2)} {
    reset(ResetKind::kPowerOn);
}

void Hpet::reset(ResetKind) {
    for (unsigned n = 0; n < kTimers; ++n) {
        Comparator& t = timers_[n];
        release_line(n);
        t.timer.cancel();
        t.backlog.clear();
        t.match_ns = TimerQueue::kNever;
        t.config = kPeriodicCapable | k64BitCapable | u64{wiring_.route_capability} << 32;
        t.value = ~u64{0};
        t.period = 0;
    }
    status_ = 0;
    counter_base_ = counter_start_ns_ = 0;
    now_ns_ = queue_.now_ns();
    write_config(0);
}

void Hpet::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) {
        archive.fields(config_, status_, counter_base_, counter_start_ns_, legacy_levels_);
        for (Comparator& t : timers_) {
            archive.fields(t.config, t.value, t.period, t.match_ns, t.line);
            t.backlog.visit(archive);
            t.timer.visit(archive);
        }
    });
    if (!archive.loading()) return;
    if (counter_start_ns_ > bit(62)) {
        archive.fail("hpet: impossible counter start");
        counter_start_ns_ = 0;
    }
    now_ns_ = queue_.now_ns();
}

// --- The counter and its matches ---

u64 Hpet::counter() const {
    if (!enabled() || now_ns_ < counter_start_ns_) return counter_base_;
    return counter_base_ + (now_ns_ - counter_start_ns_) / kPeriod_ns;
}

u64 Hpet::width_mask(const Comparator& t) {
    return (t.config & k32BitMode) != 0 ? 0xffff'ffff : ~u64{0};
}

/// Computes when the comparator matches next; `this_tick_counts`: a comparator equal to the counter matches now.
void Hpet::schedule(Comparator& t, bool this_tick_counts) {
    t.match_ns = TimerQueue::kNever;
    if (enabled()) {
        const u64 mask = width_mask(t), now_count = counter();
        u64 ticks = (t.value - now_count) & mask;
        if (ticks == 0 && !this_tick_counts) ticks = mask == ~u64{0} ? mask : mask + 1;
        if (ticks <= kFarthest_ticks) t.match_ns = counter_start_ns_ + (now_count - counter_base_ + ticks) * kPeriod_ns;
    }
    arm(t);
}

void Hpet::schedule_all() {
    for (Comparator& t : timers_) schedule(t, true);
}

/// Matches that nobody hears of are settled when a register is read. Linux leaves its first timer running like that.
void Hpet::arm(Comparator& t) {
    if (t.match_ns == TimerQueue::kNever || (t.config & kInterruptEnable) == 0) return t.timer.cancel();
    const bool fast = (t.config & kPeriodic) != 0 && t.period < kShortestRearm_ns / kPeriod_ns;
    t.timer.arm(fast ? std::max(t.match_ns, now_ns_ + kShortestRearm_ns) : t.match_ns);
}

void Hpet::expired(unsigned n) {
    now_ns_ = queue_.now_ns();
    settle(n);
}

/// Fires timer n when its match has come, with as many ticks as the host is late.
void Hpet::settle(unsigned n) {
    Comparator& t = timers_[n];
    if (t.match_ns > now_ns_) return;
    const u64 mask = width_mask(t);
    u64 ticks = 1;
    if ((t.config & kPeriodic) != 0 && t.period != 0) {
        ticks += ((counter() - t.value) & mask) / t.period;
        t.value = (t.value + t.period * ticks) & mask;
    }
    schedule(t, false);
    fire(n, ticks);
}

void Hpet::settle_all() {
    now_ns_ = queue_.now_ns();
    for (unsigned n = 0; n < kTimers; ++n) settle(n);
}

// --- Interrupts ---

void Hpet::fire(unsigned n, u64 ticks) {
    Comparator& t = timers_[n];
    if ((t.config & kLevel) != 0) {
        status_ |= bit(n);
        update_line(n);
    } else if ((t.config & kInterruptEnable) != 0) {
        t.backlog.due(ticks, (t.config & kPeriodic) != 0 ? std::min(t.period, kFarthest_ticks) * kPeriod_ns : 0);
    }
}

/// Level mode: the line shows the status bit while the interrupt is enabled.
void Hpet::update_line(unsigned n) {
    Comparator& t = timers_[n];
    const bool active = (t.config & kLevel) != 0 && (t.config & kInterruptEnable) != 0 && (status_ & bit(n)) != 0;
    if (active == t.line) return;
    t.line = active;
    line_of(n).set(active);
}

void Hpet::release_line(unsigned n) {
    if (!timers_[n].line) return;
    timers_[n].line = false;
    line_of(n).set(false);
}

IrqLine Hpet::line_of(unsigned n) const {
    if (legacy() && n == 0) return wiring_.irq0;
    if (legacy() && n == 1) return wiring_.irq8;
    const unsigned route = static_cast<unsigned>(bits(timers_[n].config, 13, 9));
    if (wiring_.routes == nullptr || (wiring_.route_capability & bit(route)) == 0) return {};
    return IrqLine(*wiring_.routes, route);
}

void Hpet::legacy_input(unsigned pin, bool level) {
    legacy_levels_[pin] = level;
    if (!legacy()) legacy_line(pin).set(level);
}

// --- Registers ---

u64 Hpet::read_register(u64 offset) const {
    switch (offset) {
        case kCapabilities:
            return capabilities();
        case kConfiguration:
            return config_;
        case kInterruptStatus:
            return status_;
        case kMainCounter:
            return counter();
        default:
            break;
    }
    const u64 n = (offset - kTimerFirst) / kTimerStride;
    if (offset < kTimerFirst || n >= kTimers) return 0;
    const Comparator& t = timers_[n];
    switch (offset % kTimerStride) {
        case kTimerConfig:
            return t.config;
        case kTimerComparator:
            return t.value & width_mask(t);
        default:
            return 0;
    }
}

u64 Hpet::mmio_read(u64 offset, unsigned size) {
    settle_all();
    const u64 value = read_register(offset & ~u64{7} & (kWindowSize - 1));
    return truncate(value >> (offset & 7) * 8, size);
}

void Hpet::mmio_write(u64 offset, unsigned size, u64 value) {
    if (size < 4 || (offset & (size - 1)) != 0) {
        log_.write(kLogGuestError, "hpet: {}-byte write at offset {:#x}", size, offset);
        return;
    }
    settle_all();
    const unsigned shift = static_cast<unsigned>(offset & 4) * 8;
    const u64 mask = size == 8 ? ~u64{0} : u64{0xffff'ffff} << shift;
    write_register(offset & ~u64{7} & (kWindowSize - 1), value << shift, mask);
}

void Hpet::write_register(u64 offset, u64 value, u64 mask) {
    const u64 merged = (read_register(offset) & ~mask) | (value & mask);
    switch (offset) {
        case kConfiguration:
            return write_config(merged);
        case kInterruptStatus:
            return write_status(value & mask);
        case kMainCounter:
            counter_base_ = merged;
            counter_start_ns_ = now_ns_;
            return schedule_all();
        default:
            break;
    }
    const u64 n = (offset - kTimerFirst) / kTimerStride;
    if (offset >= kTimerFirst && n < kTimers) {
        if (offset % kTimerStride == kTimerConfig) return write_timer_config(static_cast<unsigned>(n), merged);
        if (offset % kTimerStride == kTimerComparator) return write_comparator(timers_[n], value, mask);
    }
    log_.write(kLogGuestError, "hpet: write of {:#x} at offset {:#x}", value, offset);
}

void Hpet::write_status(u64 value) {
    status_ &= ~value;
    for (unsigned n = 0; n < kTimers; ++n) update_line(n);
}

/// Halting keeps the count; legacy replacement hands IRQ 0 and 8 over and back.
void Hpet::write_config(u64 value) {
    const bool was_legacy = legacy();
    for (unsigned n = 0; n < kTimers; ++n) release_line(n);
    counter_base_ = counter();
    counter_start_ns_ = now_ns_;
    const bool starts = !enabled() && (value & kEnable) != 0;
    config_ = value & (kEnable | kLegacyRoute);
    if (was_legacy != legacy()) {
        wiring_.irq0.set(!legacy() && legacy_levels_[0]);
        wiring_.irq8.set(!legacy() && legacy_levels_[1]);
    }
    for (unsigned n = 0; n < kTimers; ++n) {
        timers_[n].backlog.clear();
        schedule(timers_[n], starts);
        update_line(n);
    }
}

void Hpet::write_timer_config(unsigned n, u64 value) {
    Comparator& t = timers_[n];
    release_line(n);
    u64 route = value & kRouteMask;
    // A route that the hardware does not have does not stick: software finds out by reading back.
    if ((wiring_.route_capability & bit(route >> 9)) == 0) route = t.config & kRouteMask;
    const u64 read_only = t.config & ~(kTimerWritable | kRouteMask);
    t.config = read_only | route | (value & kTimerWritable);
    if ((t.config & kLevel) == 0) status_ &= ~bit(n);
    t.value &= width_mask(t);
    t.period &= width_mask(t);
    t.backlog.clear();
    schedule(t, false);
    update_line(n);
}

/// One-shot: the next match. Periodic: the period, and with VAL_SET (which clears itself) the next match too.
void Hpet::write_comparator(Comparator& t, u64 value, u64 mask) {
    const bool periodic = (t.config & kPeriodic) != 0;
    const u64 width = width_mask(t);
    t.period = ((t.period & ~mask) | (value & mask)) & width;
    if (!periodic || (t.config & kValueSet) != 0) t.value = ((t.value & ~mask) | (value & mask)) & width;
    t.config &= ~u64{kValueSet};
    t.backlog.clear();
    schedule(t, true);
}

}  // namespace twin86
