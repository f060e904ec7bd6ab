// INT n, INT3, INT1, INTO, BOUND and UD, SDM vol. 2; VME redirection, SDM vol. 3, 20.3.3.
#include "cpu/semantics/delivery.h"
#include "cpu/semantics/handlers.h"
#include "cpu/semantics/memory.h"
#include "cpu/semantics/tss.h"

namespace twin86 {
namespace {

/// The 8086 program's own handler. With IOPL < 3 the pushed image shows VIF as IF and IOPL as 3, and VIF is cleared.
Outcome vme_interrupt(Cpu& cpu, u8 vector) {
    CpuState& s = cpu.s;
    u64 image = s.rflags;
    const bool virtual_if = s.iopl() < 3;
    if (virtual_if) {
        image = (image & ~u64{kFlagIF}) | kFlagIOPL;
        if (s.rflags & kFlagVIF) image |= kFlagIF;
    }
    TRY_GUEST(enter_8086_handler(cpu, vector, 0, static_cast<u16>(image)));
    s.rflags &= ~u64{kFlagTF | (virtual_if ? kFlagVIF : kFlagIF)};
    return Outcome::success();
}

}  // namespace

Outcome do_int(Cpu& cpu, const Insn& insn) {
    CpuState& s = cpu.s;
    const u8 vector = static_cast<u8>(insn.imm);
    if (s.protected_mode() && s.vm86()) {
        bool to_8086_handler = false;
        if (s.cr4 & kCr4VME) TRY_GUEST(vme_redirected(cpu, vector, to_8086_handler));
        if (to_8086_handler) return vme_interrupt(cpu, vector);
        if (s.iopl() < 3) return Outcome::fault(kVectorGP, 0);
    }
    return deliver(cpu, Event::software(vector));
}

Outcome do_int3(Cpu& cpu, const Insn&) {
    return deliver(cpu, {kVectorBP, EventKind::kInt3});
}

/// Reported like a hardware #DB: the gate's DPL is not checked, DR6 does not change. Like a hardware exception, and unlike INT n, INT3 and
/// INTO, it loses the breakpoints that MOV SS held back. SDM vol. 3, 26.7.3 (what is pending behind an event of each kind).
Outcome do_int1(Cpu& cpu, const Insn&) {
    cpu.s.pending_db = 0;
    return deliver(cpu, {kVectorDB, EventKind::kInt1});
}

Outcome do_into(Cpu& cpu, const Insn&) {
    if (!(cpu.s.rflags & kFlagOF)) return Outcome::success();
    return deliver(cpu, {kVectorOF, EventKind::kInto});
}

Outcome do_bound(Cpu& cpu, const Insn& insn) {
    const unsigned bytes = insn.operand_bits == 16 ? 2 : 4;
    u64 lower = 0, upper = 0;
    const u64 ea = effective_address(cpu, insn);
    TRY_GUEST(read_segment(cpu, insn.mem.segment, ea, &lower, bytes));
    TRY_GUEST(read_segment(cpu, insn.mem.segment, truncate(ea + bytes, insn.address_bits / 8), &upper, bytes));
    const auto as_signed = [&](u64 v) { return static_cast<i64>(sign_extend(v, bytes)); };
    const i64 index = as_signed(read_gpr(cpu.s, insn.reg_field, insn.operand_bits));
    return index < as_signed(lower) || index > as_signed(upper) ? Outcome::fault(kVectorBR) : Outcome::success();
}

Outcome do_ud(Cpu&, const Insn&) {
    return Outcome::fault(kVectorUD);
}

}  // namespace twin86
