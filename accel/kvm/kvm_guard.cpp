// Ring 3 alone: how guests with SYSCALL run where KVM emulates ring 0.
//
// Such a KVM executes SYSCALL half: RIP, RCX, R11 and RFLAGS change, the privilege level does not. Once a guest has
// switched SYSCALL on, KVM gets only 64-bit code of ring 3 here, with an IDT of no entries: every exception and every
// SYSCALL (whose target ring 3 cannot fetch) ends in KVM_EXIT_SHUTDOWN with the registers as they were. The instruction
// is then for the other engine, which raises what there is to raise. SDM vol. 2, SYSCALL.
//
// Traps have their instruction behind them: INT3 is taken back, of a single step DR6 tells. Which vector KVM failed to
// deliver stays in the events' exception.nr. Breakpoints are for the other engine altogether.
#include "accel/kvm/kvm_vcpu.h"
#include "cpu/semantics/breakpoints.h"
#include "cpu/state/fault.h"

namespace twin86::kvm {

namespace {

/// What ring 3 can change; the rest of RFLAGS does not come back from these hosts as it was.
constexpr u64 kRing3Flags = kFlagsArithmetic | kFlagDF | kFlagTF | kFlagNT | kFlagAC | kFlagID;
constexpr u64 kSyscallLength = 2;
/// Breakpoints that DR7 enables.
constexpr u64 kDr7Enabled = 0xff;
constexpr u8 kInt3 = 0xcc;

bool has_event(const CpuState& s) {
    return s.nmi_pending || s.pending_db != 0 || s.pending.kind != PendingEvent::Kind::kNone;
}

}  // namespace

bool KvmVcpu::needs_guard() const {
    return !backend_.native_ring0() && (state_.efer & kEferSCE) != 0;
}

/// Looks before KVM is entered. False: what comes next is for the other engine.
bool KvmVcpu::may_be_guarded() {
    if (fetched_ && !(state_.cpl() == 3 && state_.mode64())) return fail("ring 0 with SYSCALL enabled");
    if (fetched_ && has_event(state_)) return fail("an event");
    if (fetched_ && ((state_.rflags & kFlagTF) != 0 || (state_.dr[7] & kDr7Enabled) != 0)) return fail("debugging");
    if (env_.interrupt_pending()) return fail("an interrupt");
    return true;
}

/// After KVM_EXIT_SHUTDOWN: the state at the instruction that could not go on.
void KvmVcpu::leave_guard() {
    CpuState& s = state();
    s.pending = {};
    changed_ = true;
    const bool syscall = s.rip == s.lstar && last_vector_ == kVectorPF;
    if (syscall) rewind_syscall();
    if (last_vector_ == kVectorBP) rewind_int3();
    if (last_vector_ == kVectorDB) s.pending_db |= s.dr[6] & kDr6Bs;
    s.dr[6] = guarded_dr6_;
    fail(syscall ? "SYSCALL" : fmt::format("exception {} in ring 3", last_vector_));
}

/// To the instruction itself: nothing but what it overwrites anyway has changed. Whatever stands there is executed with
/// the rights of ring 3.
void KvmVcpu::rewind_syscall() {
    CpuState& s = state_;
    s.rip = s.gpr[kRcx] - kSyscallLength;
    s.rflags = (guarded_flags_ & ~kRing3Flags) | (s.gpr[kR11] & kRing3Flags);
}

/// The processor has read the instruction a moment ago: its last byte says whether it is INT3 or INT with the operand 3.
void KvmVcpu::rewind_int3() {
    const Gva last = state_.rip - 1;
    kvm_translation t{};
    t.linear_address = last;
    if (!get(KVM_TRANSLATE, &t, "a translation")) return;
    const bool one_byte = !t.valid || phys_.read(t.physical_address, 1) == kInt3;
    state_.rip -= one_byte ? 1 : 2;
}

/// What guarding has hidden from KVM.
void KvmVcpu::restore_guarded(const DescriptorTable& idtr) {
    state_.idtr = idtr;
    state_.rflags = (guarded_flags_ & ~kRing3Flags) | (state_.rflags & kRing3Flags);
}

}  // namespace twin86::kvm
