#include "devices/timer/rtc_mc146818.h"

#include <algorithm>

#include "base/bits.h"
#include "devices/timer/tick_rate.h"

namespace twin86 {

namespace {
enum Cell : u8 {
    kSeconds = 0,
    kSecondsAlarm = 1,
    kMinutes = 2,
    kMinutesAlarm = 3,
    kHours = 4,
    kHoursAlarm = 5,
    kDayOfWeek = 6,
    kDayOfMonth = 7,
    kMonth = 8,
    kYear = 9,
    kA = 10,
    kB = 11,
    kC = 12,
    kD = 13,
};
enum RegisterA : u8 { kUip = 0x80, kDividerReset = 0x60 };
enum RegisterB : u8 {
    kSet = 0x80,
    kPie = 0x40,
    kAie = 0x20,
    kUie = 0x10,
    kSqwe = 0x08,
    kBinary = 0x04,
    k24Hours = 0x02
};
enum RegisterC : u8 { kIrqf = 0x80, kPf = 0x40, kAf = 0x20, kUf = 0x10 };
constexpr u8 kValidRam = 0x80;
constexpr u8 kPm = 0x80;

constexpr i64 kSecond_ns = 1'000'000'000;
constexpr i64 kUpdateWarning_ns = 244'000;  // UIP comes this long before the update
constexpr TickRate kDivider(32'768);

i64 floor_div(i64 a, i64 b) {
    return a / b - (a % b < 0 ? 1 : 0);
}

bool is_time_cell(u8 index) {
    return (index <= kYear && index != kSecondsAlarm && index != kMinutesAlarm && index != kHoursAlarm) ||
           index == RtcMc146818::kCentury;
}
}  // namespace

RtcMc146818::RtcMc146818(TimerQueue& queue, const WallClock& wall, i64 offset_ns, IrqLine irq8)
    : queue_(queue), wall_(wall), irq8_(irq8), timer_(queue, [this] { sync(); }), offset_ns_(offset_ns) {
    cells_[kA] = 0x26;
    cells_[kB] = k24Hours;
    cells_[kD] = kValidRam;
    synced_second_ = rtc_second();
}

/// Time and RAM are battery-backed; the RESET pin clears the interrupt enables and flags.
void RtcMc146818::reset(ResetKind) {
    sync();
    cells_[kB] &= static_cast<u8>(~(kPie | kAie | kUie | kSqwe));
    cells_[kC] = 0;
    index_ = 0;
    nmi_masked_ = false;
    update_irq();
    arm();
}

void RtcMc146818::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) {
        archive.fields(cells_, index_, nmi_masked_, offset_ns_, synced_second_, divider_start_ns_, synced_periods_);
    });
    if (!archive.loading()) return;
    index_ &= 0x7f;
    // What cells can say, 1900 to 2200, and what is left of 64 bits for the time that goes on.
    constexpr i64 kFarthest_ns = 8'000'000'000 * kSecond_ns;
    i64 shown = 0;
    if (__builtin_add_overflow(wall_.now_unix_ns(), offset_ns_, &shown) || shown > kFarthest_ns || shown < -kFarthest_ns) {
        archive.fail("mc146818: impossible time offset");
        offset_ns_ = 0;
    }
    arm();
}

bool RtcMc146818::divider_stopped() const {
    return (cells_[kA] & kDividerReset) == kDividerReset;
}
bool RtcMc146818::halted() const {
    return (cells_[kB] & kSet) != 0 || divider_stopped();
}
i64 RtcMc146818::rtc_second() const {
    return floor_div(rtc_ns(), kSecond_ns);
}

i64 RtcMc146818::second_fraction() const {
    const i64 now = rtc_ns();
    return now - floor_div(now, kSecond_ns) * kSecond_ns;
}

/// Makes it `second` and `fraction` nanoseconds now; seconds that were skipped set no flags.
void RtcMc146818::set_time(i64 second, i64 fraction) {
    offset_ns_ = second * kSecond_ns + fraction - wall_.now_unix_ns();
    synced_second_ = second;
}

// --- Ports ---

u32 RtcMc146818::io_read(u16 offset, unsigned) {
    return offset == 0 ? 0xff : read(index_);
}

void RtcMc146818::io_write(u16 offset, unsigned, u32 value) {
    if (offset != 0) return write(index_, static_cast<u8>(value));
    nmi_masked_ = (value & 0x80) != 0;
    index_ = static_cast<u8>(value & 0x7f);
}

u8 RtcMc146818::read(u8 index) {
    if (index == kA) return read_a();
    if (index == kC) return read_c();
    if (is_time_cell(index) && !halted()) store_time(rtc_second());
    return cells_[index];
}

void RtcMc146818::write(u8 index, u8 value) {
    switch (index) {
        case kA:
            return write_a(value);
        case kB:
            return write_b(value);
        case kC:
        case kD:
            return;  // read-only
        default:
            break;
    }
    if (!is_time_cell(index) || halted()) {
        sync();
        cells_[index] = value;
        return;
    }
    sync();
    store_time(rtc_second());
    cells_[index] = value;
    set_time(time_in_cells(), second_fraction());
    arm();
}

u8 RtcMc146818::read_a() const {
    if (halted()) return cells_[kA];
    return cells_[kA] | (second_fraction() >= kSecond_ns - kUpdateWarning_ns ? kUip : 0);
}

u8 RtcMc146818::read_c() {
    sync();
    const u8 flags = cells_[kC];
    cells_[kC] = 0;
    update_irq();
    arm();
    return flags;
}

void RtcMc146818::write_a(u8 value) {
    sync();
    change_running(value & 0x7f, cells_[kB]);
}

void RtcMc146818::write_b(u8 value) {
    sync();
    if ((value & kSet) != 0) value &= static_cast<u8>(~kUie);
    change_running(cells_[kA], value);
}

/// Applies new A and B: freezes the time into the cells when the clock halts, takes it from them when it runs again.
void RtcMc146818::change_running(u8 a, u8 b) {
    const bool was_halted = halted(), was_stopped = divider_stopped();
    if (!was_halted) store_time(rtc_second());
    const bool other_rate = ((a ^ cells_[kA]) & 0x0f) != 0;
    cells_[kA] = a;
    cells_[kB] = b;
    if (was_stopped && !divider_stopped()) {
        // The first update comes half a second after the divider starts.
        divider_start_ns_ = queue_.now_ns();
        set_time(rtc_second(), kSecond_ns / 2);
    }
    if (was_halted && !halted()) {
        set_time(time_in_cells(), second_fraction());
    } else if (!halted()) {
        store_time(rtc_second());  // in the possibly new encoding
    }
    if (other_rate || was_stopped) synced_periods_ = periodic_count(queue_.now_ns());
    update_irq();
    arm();
}

// --- Encodings ---

u8 RtcMc146818::encode(int value) const {
    return static_cast<u8>((cells_[kB] & kBinary) != 0 ? value : value / 10 << 4 | value % 10);
}

int RtcMc146818::decode(u8 value) const {
    return (cells_[kB] & kBinary) != 0 ? value : (value >> 4) * 10 + (value & 15);
}

u8 RtcMc146818::encode_hour(int hour) const {
    if ((cells_[kB] & k24Hours) != 0) return encode(hour);
    return static_cast<u8>(encode(hour % 12 == 0 ? 12 : hour % 12) | (hour >= 12 ? kPm : 0));
}

int RtcMc146818::decode_hour(u8 value) const {
    if ((cells_[kB] & k24Hours) != 0) return decode(value);
    return decode(value & 0x7f) % 12 + ((value & kPm) != 0 ? 12 : 0);
}

void RtcMc146818::store_time(i64 second) {
    const CalendarTime t = calendar_from_unix(second);
    cells_[kSeconds] = encode(t.second);
    cells_[kMinutes] = encode(t.minute);
    cells_[kHours] = encode_hour(t.hour);
    cells_[kDayOfWeek] = encode(t.weekday);
    cells_[kDayOfMonth] = encode(t.day);
    cells_[kMonth] = encode(t.month);
    cells_[kYear] = encode(t.year % 100);
    cells_[kCentury] = encode(t.year / 100 % 100);
}

/// The cells as a time, clamped to what 64-bit nanoseconds hold; the day of the week follows from the date.
i64 RtcMc146818::time_in_cells() const {
    CalendarTime t;
    t.year = std::clamp(decode(cells_[kCentury]) * 100 + decode(cells_[kYear]), 1900, 2199);
    t.month = std::clamp(decode(cells_[kMonth]), 1, 12);
    t.day = std::max(decode(cells_[kDayOfMonth]), 1);
    t.hour = decode_hour(cells_[kHours]);
    t.minute = decode(cells_[kMinutes]);
    t.second = decode(cells_[kSeconds]);
    return unix_from_calendar(t);
}

// --- Flags and interrupts ---

/// Ticks of the 32,768 Hz chain in one period; 0: none (data sheet, table 5).
u64 RtcMc146818::periodic_ticks() const {
    const unsigned rate = cells_[kA] & 0x0f;
    if (rate == 0 || divider_stopped()) return 0;
    return bit(rate <= 2 ? rate + 6 : rate - 1);
}

u64 RtcMc146818::periodic_count(u64 now_ns) const {
    const u64 period = periodic_ticks();
    if (period == 0 || now_ns < divider_start_ns_) return 0;
    return kDivider.ticks(now_ns - divider_start_ns_) / period;
}

/// An alarm cell with both top bits set matches everything.
bool RtcMc146818::alarm_matches(i64 second) const {
    const i64 in_day = second - floor_div(second, 86'400) * 86'400;
    const auto matches = [&](u8 cell, u8 now) { return (cells_[cell] & 0xc0) == 0xc0 || cells_[cell] == now; };
    return matches(kSecondsAlarm, encode(static_cast<int>(in_day % 60))) &&
           matches(kMinutesAlarm, encode(static_cast<int>(in_day / 60 % 60))) &&
           matches(kHoursAlarm, encode_hour(static_cast<int>(in_day / 3600)));
}

void RtcMc146818::sync_seconds() {
    const i64 now = rtc_second();
    if (now > synced_second_ && !halted()) {
        cells_[kC] |= kUf;
        // A day holds every alarm; longer gaps (a loaded snapshot) need no longer search.
        const i64 first = std::max(synced_second_ + 1, now - 86'399);
        for (i64 s = first; s <= now && (cells_[kC] & kAf) == 0; ++s)
            if (alarm_matches(s)) cells_[kC] |= kAf;
    }
    synced_second_ = now;
}

void RtcMc146818::sync() {
    sync_seconds();
    const u64 periods = periodic_count(queue_.now_ns());
    if (periods > synced_periods_) cells_[kC] |= kPf;
    synced_periods_ = periods;
    update_irq();
    arm();
}

void RtcMc146818::update_irq() {
    const bool active = (cells_[kC] & cells_[kB] & (kPf | kAf | kUf)) != 0;
    cells_[kC] = static_cast<u8>((cells_[kC] & ~kIrqf) | (active ? kIrqf : 0));
    irq8_.set(active);
}

/// Runs only while an enabled interrupt can still come: a flag that is already up changes nothing. The next event is
/// the one after those that sync() has seen, also when it has come since.
void RtcMc146818::arm() {
    u64 deadline = TimerQueue::kNever;
    const u8 wanted = cells_[kB] & ~cells_[kC];
    const u64 now = queue_.now_ns();
    if ((wanted & (kAie | kUie)) != 0 && !halted()) {
        const i64 rtc = rtc_ns(), second = floor_div(rtc, kSecond_ns);
        deadline = now + static_cast<u64>(second > synced_second_ ? 0 : kSecond_ns - (rtc - second * kSecond_ns));
    }
    if (const u64 period = periodic_ticks(); (wanted & kPie) != 0 && period != 0) {
        const u64 next = divider_start_ns_ + kDivider.ns((synced_periods_ + 1) * period);
        deadline = std::min(deadline, std::max(next, now + 1));
    }
    if (deadline == TimerQueue::kNever) return timer_.cancel();
    timer_.arm(deadline);
}

}  // namespace twin86
