#include "machine/host_clock.h"

#include <x86intrin.h>

#include "base/host_time.h"

namespace twin86 {

namespace {

constexpr u64 kSecond_ns = 1'000'000'000;
constexpr u64 kFarthest_ns = u64{1} << 62;
constexpr u64 kShortestMeasurement_ns = 20'000'000;

/// TSC and CLOCK_MONOTONIC at the same moment: the closest of a few tries.
void sample(u64& tsc, u64& ns) {
    u64 best = ~u64{0};
    for (int i = 0; i < 8; ++i) {
        const u64 before = __rdtsc();
        const u64 now = clock_ns(CLOCK_MONOTONIC);
        const u64 after = __rdtsc();
        if (after - before >= best) continue;
        best = after - before;
        tsc = before + best / 2;
        ns = now;
    }
}

}  // namespace

HostClock::HostClock() {
    sample(tsc_at_construction_, monotonic_at_construction_);
}

void HostClock::start() {
    const u64 elapsed = clock_ns(CLOCK_MONOTONIC) - monotonic_at_construction_;
    if (elapsed < kShortestMeasurement_ns) {
        const timespec rest{0, static_cast<long>(kShortestMeasurement_ns - elapsed)};
        nanosleep(&rest, nullptr);
    }
    u64 tsc = 0, ns = 0;
    sample(tsc, ns);
    const u64 ticks = tsc - tsc_at_construction_, span = ns - monotonic_at_construction_;
    tsc_hz_ = static_cast<u64>(static_cast<u128>(ticks) * kSecond_ns / span);
    ns_multiplier_ = static_cast<u64>((static_cast<u128>(span) << 32) / ticks);
    base_tsc_ = __rdtsc();
    running_ = true;
}

void HostClock::stop() {
    if (!running_) return;
    frozen_ticks_ = __rdtsc() - base_tsc_;
    running_ = false;
}

void HostClock::resume() {
    if (running_) return;
    base_tsc_ = __rdtsc() - frozen_ticks_;
    running_ = true;
}

u64 HostClock::ticks() const {
    return running_ ? __rdtsc() - base_tsc_ : frozen_ticks_;
}

u64 HostClock::now_ns() const {
    return to_ns(ticks(), ns_multiplier_);
}

u64 HostClock::tsc() const {
    return follows_host_tsc_ ? __rdtsc() : ticks();
}

i64 HostClock::now_unix_ns() const {
    return static_cast<i64>(clock_ns(CLOCK_REALTIME));
}

u64 HostClock::tsc_at(u64 now_ns) const {
    return tsc_origin() + static_cast<u64>((static_cast<u128>(now_ns) << 32) / ns_multiplier_);
}

u64 HostClock::ns_at(u64 tsc) const {
    const u64 ticks = tsc > tsc_origin() ? tsc - tsc_origin() : 0;
    const u128 ns = (static_cast<u128>(ticks) * ns_multiplier_) >> 32;
    return ns > kFarthest_ns ? ~u64{0} : static_cast<u64>(ns) + 1;
}

u64 HostClock::host_tsc_at(u64 virtual_ns) const {
    if (virtual_ns > kFarthest_ns || !running_) return ~u64{0};
    const u128 scaled = (static_cast<u128>(virtual_ns) << 32) + ns_multiplier_ - 1;
    return base_tsc_ + static_cast<u64>(scaled / ns_multiplier_);
}

u64 HostClock::to_monotonic(u64 virtual_ns) const {
    if (virtual_ns == ~u64{0} || !running_) return ~u64{0};
    const u64 now = now_ns();
    const u64 monotonic = clock_ns(CLOCK_MONOTONIC);
    return virtual_ns <= now ? monotonic : monotonic + (virtual_ns - now);
}

}  // namespace twin86
