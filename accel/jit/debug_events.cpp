// Single steps and hardware breakpoints. SDM vol. 3, 17.2 and 17.3.
//
// While none is armed, nothing of this is on any path. Pages with data breakpoints have no entries in the soft TLB, so that
// every access to them comes to C++; an access that hits is started over as a block of its own, whose end is an
// instruction boundary. In pages with instruction breakpoints all blocks hold one instruction.
#include <utility>

#include "accel/jit/jit_vcpu.h"
#include "cpu/semantics/breakpoints.h"

namespace twin86::jit {

namespace {

/// Whether an instruction hands TF over to its successor unseen: software interrupts clear it on their way, SYSCALL and
/// SYSRET trap by what they have loaded. SDM vol. 3, 17.3.1.4; APM vol. 2, 13.1.4.
bool steps_over(const CpuState& s, const Insn& insn) {
    switch (insn.op) {
        case Op::kInt:
        case Op::kInt3:
        case Op::kInt1: return false;
        case Op::kInto: return s.rip == insn.next_rip();
        case Op::kSyscall:
        case Op::kSysret: return s.rflags & kFlagTF;
        default: return true;
    }
}

}  // namespace

/// Follows the debug registers; cheap when they have not changed.
void JitVcpu::follow_breakpoints() {
    const CpuState& s = frame_.cpu;
    const bool enabled = any_breakpoint(s), watching = watched_code_ || frame_.watched_data != 0;
    if (!enabled && !watching) return;
    std::array<u64, 5> now{s.dr[7] | (s.cr4 & kCr4DE) << 32};
    for (unsigned n = 0; n < 4; ++n) now[n + 1] = s.dr[n];
    if (now == armed_) return;
    armed_ = now;
    frame_.watched_data = 0;
    watched_code_ = false;
    for (unsigned n = 0; n < 4; ++n) {
        const BreakpointKind kind = breakpoint_kind(s, n);
        const bool data = kind == BreakpointKind::kWrite || kind == BreakpointKind::kAccess;
        frame_.watched_page[n] = data ? s.dr[n] & kPageMask : ~u64{0};
        frame_.watched_data |= data;
        watched_code_ |= kind == BreakpointKind::kExecute;
    }
    tlb_flush_all();
    forget_jumps(true);
    forget_jumps(false);
    blocks_.unlink_cross_page();
    use_jumps_of(frame_.mode);
}

Gva JitVcpu::linear_rip() const {
    const CpuState& s = frame_.cpu;
    return s.mode64() ? s.rip : static_cast<u32>(s.segment[kCs].base + s.rip);
}

/// What the debug registers ask for before the instruction at cpu.rip, and its mode. False: #DB was delivered.
bool JitVcpu::begin_instruction() {
    follow_breakpoints();
    const Gva linear = linear_rip();
    if (const Outcome fault = instruction_breakpoint(linear); fault.faulted()) {
        deliver_fault(fault);
        return false;
    }
    Mode mode = current_mode();
    const bool alone = std::exchange(run_one_, false) || (watched_code_ && code_page_watched(linear));
    if (alone) mode.value |= Mode::kOneInsn;
    use_mode(mode);
    return true;
}

bool JitVcpu::code_page_watched(Gva linear) const {
    const CpuState& s = frame_.cpu;
    for (unsigned n = 0; n < 4; ++n)
        if (breakpoint_kind(s, n) == BreakpointKind::kExecute && ((s.dr[n] ^ linear) & kPageMask) == 0) return true;
    return false;
}

/// The fault of an instruction breakpoint at this address. MOV SS holds it back for one instruction, as RF does; where that matters the
/// instruction is a block of its own, so RF need not outlive its start.
Outcome JitVcpu::instruction_breakpoint(Gva linear) {
    CpuState& s = frame_.cpu;
    resume_flag_ = s.rflags & kFlagRF;
    s.rflags &= ~u64{kFlagRF};
    if (resume_flag_ != 0 || s.shadow == kShadowMovSs) return Outcome::success();
    const u64 hits = code_breakpoints(s, linear);
    return hits != 0 ? Outcome::debug(hits) : Outcome::success();
}

/// The traps behind an instruction. MOV SS holds them back: the step is lost, breakpoints wait for the next boundary.
bool JitVcpu::trap_after(bool stepped) {
    CpuState& s = frame_.cpu;
    const bool shadowed = s.shadow == kShadowMovSs;
    const u64 causes = s.pending_db | (stepped ? kDr6Bs : 0);
    if (causes == 0 || shadowed) return false;
    deliver_fault(Outcome::debug(causes));
    return true;
}

bool JitVcpu::trap_after(const Insn& insn, Mode mode) {
    return trap_after(mode.has(Mode::kSingleStep) && steps_over(frame_.cpu, insn));
}

/// An access of a slow path, whose end is a boundary anyway.
void JitVcpu::note_helper_access(Gva address, unsigned size, bool write) {
    if (frame_.watched_data != 0) frame_.cpu.pending_db |= data_breakpoints(frame_.cpu, address, size, write);
}

/// Notes what an access of a block hits. False: it must be started over as a block of its own.
bool JitVcpu::note_data_breakpoints(Mode mode, u64 hits) {
    if (hits == 0) return true;
    run_one_ = !mode.has(Mode::kOneInsn | Mode::kSingleStep);
    if (!run_one_) frame_.cpu.pending_db |= hits;
    return !run_one_;
}

}  // namespace twin86::jit
