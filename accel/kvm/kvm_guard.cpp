// Ring 3 alone: how guests with SYSCALL run where KVM emulates ring 0.
//
// Such a KVM executes SYSCALL half: RIP, RCX, R11 and RFLAGS change, the privilege level does not. Once a guest has
// switched SYSCALL on, KVM gets only 64-bit code of ring 3 here, with an IDT of no entries: every exception and every
// SYSCALL (whose target ring 3 cannot fetch) ends in KVM_EXIT_SHUTDOWN with the registers as they were. The instruction
// is then for the other engine, which raises what there is to raise. SDM vol. 2, SYSCALL.
#include "accel/kvm/kvm_vcpu.h"

namespace twin86::kvm {

namespace {

/// What ring 3 can change; the rest of RFLAGS does not come back from these hosts as it was.
constexpr u64 kRing3Flags = kFlagsArithmetic | kFlagDF | kFlagTF | kFlagNT | kFlagAC | kFlagID;
constexpr u64 kSyscallLength = 2;

}  // namespace

bool KvmVcpu::needs_guard() const {
    return !backend_.native_ring0() && (state_.efer & kEferSCE) != 0;
}

/// Looks before KVM is entered. False: what comes next is for the other engine.
bool KvmVcpu::may_be_guarded() {
    if (fetched_ && !(state_.cpl() == 3 && state_.mode64())) return fail("ring 0 with SYSCALL enabled");
    if (fetched_ && (state_.nmi_pending || state_.pending.kind != PendingEvent::Kind::kNone)) return fail("an event");
    if (env_.interrupt_pending()) return fail("an interrupt");
    return true;
}

/// After KVM_EXIT_SHUTDOWN: the state at the instruction that could not go on.
void KvmVcpu::leave_guard() {
    CpuState& s = state();
    s.pending = {};
    changed_ = true;
    const bool syscall = s.rip == s.lstar;
    if (syscall) rewind_syscall();
    fail(syscall ? "SYSCALL" : "an exception in ring 3");
}

/// To the instruction itself: nothing but what it overwrites anyway has changed. Whatever stands there is executed with
/// the rights of ring 3.
void KvmVcpu::rewind_syscall() {
    CpuState& s = state_;
    s.rip = s.gpr[kRcx] - kSyscallLength;
    s.rflags = (guarded_flags_ & ~kRing3Flags) | (s.gpr[kR11] & kRing3Flags);
}

/// What guarding has hidden from KVM.
void KvmVcpu::restore_guarded(const DescriptorTable& idtr) {
    state_.idtr = idtr;
    state_.rflags = (guarded_flags_ & ~kRing3Flags) | (state_.rflags & kRing3Flags);
}

}  // namespace twin86::kvm
