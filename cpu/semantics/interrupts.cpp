#include "cpu/semantics/interrupts.h"

#include <utility>

#include "cpu/semantics/breakpoints.h"
#include "cpu/semantics/delivery.h"

namespace twin86 {
namespace {

constexpr u64 kDr6Fixed = 0xffff0ff0;
constexpr u64 kDr6Bd = bit(13);
constexpr u64 kDr7Gd = bit(13);

enum class FaultClass { kBenign, kContributory, kPageFault, kDoubleFault };

/// SDM vol. 3, table 6-4.
FaultClass fault_class(const Event& event) {
    if (event.kind != EventKind::kException) return FaultClass::kBenign;
    switch (event.vector) {
        case kVectorDE:
        case kVectorTS:
        case kVectorNP:
        case kVectorSS:
        case kVectorGP:
            return FaultClass::kContributory;
        case kVectorPF:
            return FaultClass::kPageFault;
        case kVectorDF:
            return FaultClass::kDoubleFault;
        default:
            return FaultClass::kBenign;
    }
}

/// SDM vol. 3, table 6-5.
bool escalates(FaultClass first, FaultClass second) {
    if (first == FaultClass::kBenign || second == FaultClass::kBenign) return false;
    return first != FaultClass::kContributory || second == FaultClass::kContributory;
}

/// Whether a #DB comes from an instruction breakpoint.
bool names_instruction(const CpuState& s, u64 causes) {
    for (unsigned n = 0; n < 4; ++n)
        if ((causes >> n & 1) && breakpoint_kind(s, n) == BreakpointKind::kExecute) return true;
    return false;
}

/// Fault-class exceptions push RF = 1 so that an instruction breakpoint does not hit again (SDM vol. 3, 17.3.1.1).
bool pushes_rf(const CpuState& s, const Event& event) {
    if (event.kind != EventKind::kException) return false;
    switch (event.vector) {
        case kVectorDB:  // single steps, data and port breakpoints are traps
            return (event.address & kDr6Bd) || names_instruction(s, event.address);
        case kVectorBP:
        case kVectorOF:
        case kVectorDF:
        case kVectorMC:
            return false;
        default:
            return true;
    }
}

void record_cause(CpuState& s, const Event& event) {
    if (event.kind == EventKind::kNmi) s.nmi_blocked = true;
    if (event.kind != EventKind::kException) return;
    if (event.vector == kVectorPF) s.cr2 = event.address;
    if (event.vector == kVectorDB) {
        s.dr[6] = (s.dr[6] & ~u64{0xf}) | event.address | kDr6Fixed;
        s.dr[7] &= ~kDr7Gd;
    }
}

}  // namespace

Outcome deliver(Cpu& cpu, const Event& event) {
    CpuState& s = cpu.s;
    record_cause(s, event);
    if (s.activity == Activity::kHalted) s.activity = Activity::kRunning;
    const u64 flags = s.rflags | (pushes_rf(s, event) ? u64{kFlagRF} : 0);
    if (!s.protected_mode())
        TRY_GUEST(deliver_real_mode(cpu, event));
    else if (s.long_mode())
        TRY_GUEST(deliver_long_mode(cpu, event, flags));
    else
        TRY_GUEST(deliver_protected_mode(cpu, event, flags));
    s.shadow = kShadowNone;
    return Outcome::success();
}

void inject(Cpu& cpu, const Event& first) {
    Event event = first;
    for (;;) {
        const Outcome outcome = deliver(cpu, event);
        if (outcome.ok()) return;
        const Event next = Event::exception(outcome);
        const FaultClass before = fault_class(event), after = fault_class(next);
        if (before == FaultClass::kDoubleFault && after != FaultClass::kBenign) {
            cpu.s.activity = Activity::kShutdown;
            return;
        }
        if (!escalates(before, after)) {
            event = next;
            continue;
        }
        record_cause(cpu.s, next);  // CR2 of the second page fault
        event = Event::exception(Outcome::fault(kVectorDF, 0));
    }
}

void deliver_pending(Cpu& cpu) {
    CpuState& s = cpu.s;
    const PendingEvent p = std::exchange(s.pending, {});
    const u64 cause = p.vector == kVectorPF ? s.cr2 : p.vector == kVectorDB ? s.dr[6] & 0xe00f : 0;
    switch (p.kind) {
        case PendingEvent::Kind::kNone:
            return;
        case PendingEvent::Kind::kExternal:
            return inject(cpu, Event::external(p.vector));
        case PendingEvent::Kind::kNmi:
            return inject(cpu, Event::nmi());
        case PendingEvent::Kind::kException:
            return inject(cpu, {p.vector, EventKind::kException, p.has_error_code, p.error_code, cause});
    }
}

void raise(Cpu& cpu, const Outcome& fault) {
    inject(cpu, Event::exception(fault));
}

}  // namespace twin86
