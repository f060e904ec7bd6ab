// One instruction of KVM, for those who compare engines (accel/lockstep).
//
// KVM single-steps (api.rst, KVM_SET_GUEST_DEBUG), with an empty IDT as in kvm_guard.cpp: every exception comes out
// with the registers as they were, and the other engine raises it. So does whatever needs the machine's rules (MSRs,
// control registers, segments, what changes the privilege level), and what KVM answers by itself (CPUID, the TSC).
//
// Where ring 0 is emulated, 64-bit code of ring 3 runs natively and KVM_GUESTDBG_SINGLESTEP does not stop it. There the
// guest's own trap flag is set: #DB, too, finds the IDT empty, behind the instruction (SDM vol. 3, 18.3.1.4).
#include <cerrno>
#include <cstring>

#include "accel/guest_code.h"
#include "accel/kvm/kvm_vcpu.h"
#include "cpu/decode/decoder.h"
#include "cpu/decode/table.h"
#include "cpu/semantics/breakpoints.h"
#include "cpu/state/fault.h"

namespace twin86::kvm {

namespace {

constexpr unsigned kLongestInstruction = 15;
constexpr u64 kMostRounds = 64;  // each is a step

bool is_allowed(const Insn& insn) {
    switch (insn.klass) {
        case InsnClass::kCopy:
        case InsnClass::kRewriteMem:
        case InsnClass::kSpecial:
            return true;
        default:
            break;
    }
    switch (insn.op) {
        case Op::kIn:
        case Op::kOut:
        case Op::kCli:
        case Op::kCld:
        case Op::kStd:
        case Op::kMovFromCr:
            return true;
        default:
            return false;
    }
}

/// More than the next instruction decides what comes after it.
bool is_special(const CpuState& s) {
    return s.shadow != kShadowNone || s.activity != Activity::kRunning || (s.rflags & kFlagTF) != 0 || any_breakpoint(s);
}

}  // namespace

/// Registers of the last exit come with it (KVM_CAP_SYNC_REGS).
u64 KvmVcpu::rip() {
    return fetched_ || completing_ ? state().rip : run_.s.regs.regs.rip;
}

Vcpu::Step KvmVcpu::step(u64) {
    constexpr Step kCannot{RunExit::kFatal};
    failure_.clear();
    Insn insn;
    if (!start_stepping() || !may_step(insn)) return kCannot;
    if (!update_memory()) return kCannot;
    if (changed_ && !(complete() && store())) return kCannot;
    if (!enter_one() || !finish_one()) return kCannot;
    return {RunExit::kInterrupted, false, insn.flags_undefined, insn.flags_written};
}

bool KvmVcpu::start_stepping() {
    if (const Status s = kick_.bind(); !s) return fail(s.failure().message);
    if (stepping_) return true;
    kvm_guest_debug debug{};
    debug.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
    stepping_ = set(KVM_SET_GUEST_DEBUG, &debug, "single steps");
    run_.kvm_valid_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_EVENTS;
    sharing_ = false;
    return stepping_;
}

/// Looks at the instruction, whose mode and address space are those of the state that KVM got.
bool KvmVcpu::may_step(Insn& insn) {
    static const Decoder decoder;
    if (fetched_ && (has_event() || is_special(state_))) return fail("an event");
    if (env_.interrupt_pending()) return fail("an interrupt");
    const u64 at = rip();
    const auto code = code_at(state_, at, kLongestInstruction, phys_.pages(), model_.physical_bits());
    if (decoder.decode(code, at, code_bits(state_), insn) != DecodeStatus::kOk) return fail("no instruction");
    const u64 rounds = fetched_ ? state_.gpr[kRcx] : run_.s.regs.regs.rcx;
    if ((insn.repe || insn.repne) && insn.klass == InsnClass::kSpecial && rounds > kMostRounds)
        return fail("a long string");
    return is_allowed(insn) || fail(op_name(insn.op));
}

/// Of the state that KVM is about to get.
bool KvmVcpu::steps_by_trap_flag() const {
    return stepping_ && !backend_.native_ring0() && state_.cpl() == 3 && state_.mode64();
}

/// KVM found no gate for #DB, which TF alone raises: instructions that raise it themselves, or change TF, are not let in.
bool KvmVcpu::ended_step() const {
    return trapping_ && run_.s.regs.events.exception.nr == kVectorDB;
}

/// KVM_RUN, again when a kick came first.
bool KvmVcpu::enter_one() {
    run_.cr8 = cr8_;
    run_.request_interrupt_window = 0;
    fetched_ = completing_ = false;
    guest_may_change();
    ++counters_.runs;
    for (;;) {
        const int result = handle_.call(KVM_RUN, nullptr);
        if (result >= 0) return true;
        if (result != -EINTR) return fail(fmt::format("KVM_RUN: {}", std::strerror(-result)));
        kick_.consume();
    }
}

/// False: the instruction is not for KVM, or raises an exception.
bool KvmVcpu::finish_one() {
    ++counters_.reasons[run_.exit_reason];
    switch (run_.exit_reason) {
        case KVM_EXIT_DEBUG:
            return true;
        case KVM_EXIT_IO:
            on_port();
            return complete();
        case KVM_EXIT_MMIO:
            on_mmio();
            return complete();
        case KVM_EXIT_SHUTDOWN:
            if (ended_step()) return true;
            leave_guard();
            return false;
        default:
            describe_failure();
            return false;
    }
}

}  // namespace twin86::kvm
