// HostClock: all guest time from one source, the host's TSC: virtual nanoseconds, the guest's TSC, and wall time.
//
// The rate is measured against CLOCK_MONOTONIC between construction and start(). Virtual time and the guest's TSC stop
// together while the machine is stopped.
#pragma once

#include "devices/core/clock.h"
#include "devices/irq/apic_bus.h"

namespace twin86 {

__extension__ using u128 = unsigned __int128;  ///< products of times and rates

class HostClock : public Clock, public WallClock, public TscClock {
  public:
    HostClock();

    /// The guest's TSC is the host's, also while the machine stands still: for engines that cannot offer another.
    void follow_host_tsc() { follows_host_tsc_ = true; }
    bool follows_host_tsc() const { return follows_host_tsc_; }

    /// Finishes the measurement and lets time run from 0.
    void start();
    void stop();
    void resume();
    bool running() const { return running_; }

    u64 now_ns() const override;
    i64 now_unix_ns() const override;
    u64 tsc_at(u64 now_ns) const override;
    u64 ns_at(u64 tsc) const override;
    /// The guest's TSC before its own offsets.
    u64 tsc() const;
    /// tsc() - host TSC, while time runs.
    u64 tsc_bias() const { return tsc_origin() - base_tsc_; }
    u64 tsc_hz() const { return tsc_hz_; }
    /// The first value of the host's TSC at which now_ns() >= virtual_ns, if time goes on; ~0 stays.
    u64 host_tsc_at(u64 virtual_ns) const;
    /// Converts a virtual deadline to CLOCK_MONOTONIC for the event loop; ~0 stays.
    u64 to_monotonic(u64 virtual_ns) const;

  private:
    u64 ticks() const;
    /// The guest's TSC at virtual time 0, if time never stood still.
    u64 tsc_origin() const { return follows_host_tsc_ ? base_tsc_ : 0; }
    static u64 to_ns(u64 ticks, u64 multiplier) { return static_cast<u64>((u128{ticks} * multiplier) >> 32); }

    u64 tsc_at_construction_ = 0, monotonic_at_construction_ = 0;
    u64 tsc_hz_ = 0;
    u64 ns_multiplier_ = u64{1} << 32;  ///< nanoseconds per tick, 32.32; 1 until measured
    u64 base_tsc_ = 0;                  ///< host TSC at virtual time 0
    u64 frozen_ticks_ = 0;              ///< while stopped
    bool running_ = false;
    bool follows_host_tsc_ = false;
};

}  // namespace twin86
