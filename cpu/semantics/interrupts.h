// Delivery of interrupts and exceptions, SDM vol. 3, chapter 6; APM vol. 2, chapter 8.
#pragma once

#include "cpu/semantics/cpu.h"

namespace twin86 {

enum class EventKind : u8 { kExternal, kNmi, kException, kSoftwareInt, kInt3, kInto, kInt1 };

/// What is to be delivered. s.rip is the address that the handler returns to: the faulting instruction for faults, the
/// next one for traps, interrupts and software interrupts.
struct Event {
    u8 vector = 0;
    EventKind kind = EventKind::kExternal;
    bool has_error_code = false;
    u32 error_code = 0;
    u64 address = 0;  ///< CR2 for #PF, the DR6 causes for #DB

    static Event external(u8 vector) { return {vector, EventKind::kExternal}; }
    static Event nmi() { return {kVectorNMI, EventKind::kNmi}; }
    static Event software(u8 vector) { return {vector, EventKind::kSoftwareInt}; }
    static Event exception(const Outcome& fault) {
        return {static_cast<u8>(fault.vector), EventKind::kException, fault.has_error_code, fault.error_code,
                fault.address};
    }

    /// INT n, INT3 and INTO: the gate's DPL is checked, error codes of faults have EXT = 0.
    bool from_instruction() const {
        return kind == EventKind::kSoftwareInt || kind == EventKind::kInt3 || kind == EventKind::kInto;
    }
    /// The EXT bit of error codes that arise while this event is delivered.
    u32 ext() const { return from_instruction() ? 0 : 1; }
};

/// Delivers one event through the IVT or IDT. All is read and checked before state changes; on a fault the caller
/// decides (inject does, for everything but the INT instructions).
Outcome deliver(Cpu& cpu, const Event& event);

/// deliver with escalation: a fault during delivery is delivered in turn, as #DF where the classes of SDM table 6-5 say
/// so; a fault on top of #DF ends in Activity::kShutdown (triple fault).
void inject(Cpu& cpu, const Event& event);

/// Delivers s.pending, which there is, and forgets it. CR2 and DR6 already hold what belongs to it.
void deliver_pending(Cpu& cpu);

/// Delivers the exception that an instruction ended with.
void raise(Cpu& cpu, const Outcome& fault);

/// Maskable interrupts are taken at the next boundary.
inline bool interrupts_enabled(const CpuState& s) {
    return (s.rflags & kFlagIF) && s.shadow == kShadowNone;
}
inline bool nmi_enabled(const CpuState& s) {
    return !s.nmi_blocked && s.shadow != kShadowMovSs;
}

}  // namespace twin86
