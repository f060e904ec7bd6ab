// What travels between interrupt controllers and local APICs (SDM vol. 3, chapter 11), and the seams around them.
#pragma once

#include "base/types.h"

namespace twin86 {

enum class DeliveryMode : u8 {
    kFixed = 0,
    kLowestPriority = 1,
    kSmi = 2,
    kReserved = 3,
    kNmi = 4,
    kInit = 5,
    kStartup = 6,
    kExtInt = 7,
};

/// One interrupt message.
struct ApicMessage {
    static constexpr u32 kNobody = ~u32{0};

    u32 destination = 0;
    bool logical = false;           ///< destination mode: logical, else physical
    bool wide_destination = false;  ///< 32-bit x2APIC destination; otherwise 8 bits, 0xff is everybody
    DeliveryMode mode = DeliveryMode::kFixed;
    u8 vector = 0;
    bool level_triggered = false;
    bool assert_level = true;        ///< false: INIT level de-assert, which no processor since the Pentium 4 acts on
    u32 excluded_apic_id = kNobody;  ///< the sender of an 'all excluding self'
};

/// Carries messages to local APICs and EOIs of level-triggered vectors back to I/O APICs.
class ApicBus {
  public:
    virtual ~ApicBus() = default;
    /// True when at least one local APIC took the message.
    virtual bool deliver(const ApicMessage& message) = 0;
    virtual void broadcast_eoi(u8 vector) = 0;
    /// A message like this one has been accepted by a local APIC and not been taken by its processor yet.
    virtual bool waits(const ApicMessage&) const { return false; }
};

/// An I/O APIC as the bus sees it.
class EoiListener {
  public:
    virtual ~EoiListener() = default;
    virtual void eoi(u8 vector) = 0;
};

/// The processor as its local APIC sees it. Called under the machine lock, from any thread.
class CpuPins {
  public:
    virtual ~CpuPins() = default;
    /// Lapic::has_interrupt() changed.
    virtual void interrupt_request_changed() = 0;
    virtual void nmi() = 0;
    virtual void init() = 0;
    virtual void sipi(u8 vector) = 0;
    virtual void smi() = 0;
};

/// The guest's time stamp counter as a function of virtual time.
class TscClock {
  public:
    virtual ~TscClock() = default;
    virtual u64 tsc_at(u64 now_ns) const = 0;
    /// The first virtual nanosecond at which the counter is >= tsc (0 when that is past, ~0 when it never comes).
    virtual u64 ns_at(u64 tsc) const = 0;
};

}  // namespace twin86
