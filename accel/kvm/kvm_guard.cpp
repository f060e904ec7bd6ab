// Ring 3 alone: how guests with SYSCALL run where KVM emulates ring 0.
//
// Such a KVM executes SYSCALL half: RIP, RCX, R11 and RFLAGS change, the privilege level does not; and INT in 64-bit code
// is #UD to it. Once a guest has switched SYSCALL on (or long mode, where there is another engine for it), KVM gets
// only 64-bit code of ring 3 here, with an IDT of no entries: every exception and every
// SYSCALL (whose target ring 3 cannot fetch) ends in KVM_EXIT_SHUTDOWN with the registers as they were. The instruction
// is then for the other engine, which raises what there is to raise. SDM vol. 2, SYSCALL.
//
// Traps have their instruction behind them: INT3 is taken back, of a single step DR6 tells. Which vector KVM failed to
// deliver stays in the events' exception.nr. Breakpoints are for the other engine altogether.
#include <utility>

#include "accel/kvm/kvm_vcpu.h"
#include "cpu/semantics/breakpoints.h"
#include "cpu/state/fault.h"
#include "mmu/page_walk.h"

namespace twin86::kvm {

namespace {

/// What ring 3 can change; the rest of RFLAGS does not come back from these hosts as it was.
constexpr u64 kRing3Flags = kFlagsArithmetic | kFlagDF | kFlagTF | kFlagNT | kFlagAC | kFlagID;
constexpr u64 kSyscallLength = 2;
constexpr int kInt3 = 0xcc;

}  // namespace

bool KvmVcpu::has_event() const {
    return state_.nmi_pending || state_.pending_db != 0 || state_.pending.kind != PendingEvent::Kind::kNone;
}

bool KvmVcpu::needs_guard() const {
    const u64 from = backend_.has_second ? kEferSCE | kEferLME : kEferSCE;
    return stepping_ || (!backend_.native_ring0() && (state_.efer & from) != 0);
}

/// Looks before KVM is entered. False: what comes next is for the other engine.
bool KvmVcpu::may_be_guarded() {
    if (fetched_ && !(state_.cpl() == 3 && state_.mode64())) return fail("ring 0 of a 64-bit guest");
    if (fetched_ && has_event()) return fail("an event");
    if (fetched_ && ((state_.rflags & kFlagTF) != 0 || any_breakpoint(state_))) return fail("debugging");
    if (env_.interrupt_pending()) return fail("an interrupt");
    return true;
}

/// Emulated code of ring 0 hits no data breakpoints, native code of ring 3 none at all on hosts that emulate ring 0.
bool KvmVcpu::breakpoints_are_missed() const {
    return backend_.has_second && !backend_.native_ring0() && fetched_ && any_breakpoint(state_);
}

/// After KVM_EXIT_SHUTDOWN: the state at the instruction that could not go on.
void KvmVcpu::leave_guard() {
    shut_down_ = true;
    (void)state();
    changed_ = true;
    fail(taken_back_ ? "SYSCALL" : fmt::format("exception {} in ring 3", last_vector_));
}

/// SYSCALL has happened, but for the privilege level; an exit may come before its target is fetched. Nothing but what the
/// instruction overwrites anyway has changed. Ring 3 comes to LSTAR by no other way, except to be killed for it.
bool KvmVcpu::take_back_syscall() {
    CpuState& s = state_;
    if (s.rip != s.lstar || byte_at(s.gpr[kRcx] - 2) != 0x0f || byte_at(s.gpr[kRcx] - 1) != 0x05) return false;
    s.rip = s.gpr[kRcx] - kSyscallLength;
    s.rflags = (guarded_flags_ & ~kRing3Flags) | (s.gpr[kR11] & kRing3Flags);
    return true;
}

/// An exception that was raised, delivered or not, is raised again by the other engine. INT3 has its instruction behind it:
/// the last byte says whether that is INT with the operand 3.
void KvmVcpu::take_back_exception() {
    state_.pending = {};
    if (last_vector_ == kVectorBP) state_.rip -= byte_at(state_.rip - 1) == kInt3 ? 1 : 2;
    if (last_vector_ == kVectorDB) state_.pending_db |= state_.dr[6] & kDr6Bs;
}

/// A byte of memory that the guest has just executed; -1: it is not there any more.
int KvmVcpu::byte_at(Gva address) const {
    PagingContext context{.cr0 = state_.cr0, .cr3 = state_.cr3, .cr4 = state_.cr4, .efer = state_.efer, .user = true};
    context.physical_bits = model_.physical_bits();
    const WalkResult walk = peek(context, phys_.pages(), address);
    const u64 page = walk.ok ? phys_.pages().entry(walk.page.physical) : 0;
    return page_is_mmio(page) ? -1 : page_host(page)[walk.page.physical % kPageSize];
}

/// What guarding has hidden from KVM, and what KVM did that no processor does.
void KvmVcpu::restore_guarded(const DescriptorTable& idtr, bool exception_waits) {
    const bool raised = std::exchange(shut_down_, false) || exception_waits;
    state_.idtr = idtr;
    if (trapping_) state_.rflags &= ~u64{kFlagTF};
    const u64 own = state_.cpl() == 3 ? kRing3Flags : ~u64{kFlagRF};
    state_.rflags = (guarded_flags_ & ~own) | (state_.rflags & own);
    taken_back_ = take_back_syscall();
    if (raised) take_back_exception();
    state_.dr[6] = guarded_dr6_;
    // What was taken back KVM has not.
    if (taken_back_ || raised) changed_ = true;
}

}  // namespace twin86::kvm
