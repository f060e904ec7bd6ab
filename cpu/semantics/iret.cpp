// IRET in all modes, SDM vol. 2, IRET/IRETD/IRETQ.
#include "cpu/semantics/handlers.h"
#include "cpu/semantics/memory.h"
#include "cpu/semantics/segment_load.h"
#include "cpu/semantics/task_switch.h"
#include "cpu/semantics/transfer.h"

namespace twin86 {
namespace {

constexpr u64 kAlways16 = kFlagCF | kFlagPF | kFlagAF | kFlagZF | kFlagSF | kFlagTF | kFlagDF | kFlagOF | kFlagNT;
constexpr u64 kAlways32 = kAlways16 | kFlagRF | kFlagAC | kFlagID;

void load_flags(CpuState& s, u64 image, u64 mask) {
    s.rflags = (s.rflags & ~mask) | (image & mask) | kFlagReserved1;
}

/// Flags that IRET at `cpl` may change.
u64 protected_mask(const CpuState& s, unsigned cpl, unsigned operand_bits) {
    u64 mask = operand_bits == 16 ? kAlways16 : kAlways32;
    if (cpl <= s.iopl()) mask |= kFlagIF;
    if (cpl == 0) mask |= kFlagIOPL;
    if (cpl == 0 && operand_bits != 16) mask |= kFlagVIF | kFlagVIP;
    return mask;
}

struct Popped {
    u64 rip = 0, cs = 0, flags = 0;
};

Outcome pop_three(PopFrame& frame, Popped& p) {
    TRY_GUEST(frame.pop(p.rip));
    TRY_GUEST(frame.pop(p.cs));
    return frame.pop(p.flags);
}

Outcome iret_real(Cpu& cpu, const Insn& insn) {
    PopFrame frame(cpu, insn.operand_bits / 8);
    Popped p;
    TRY_GUEST(pop_three(frame, p));
    TRY_GUEST(jump_8086(cpu, static_cast<u16>(p.cs), p.rip));
    frame.commit();
    const u64 base = insn.operand_bits == 16 ? kAlways16 : kAlways32;
    load_flags(cpu.s, p.flags, base | kFlagIF | kFlagIOPL);
    return Outcome::success();
}

/// VM86: needs IOPL 3, or CR4.VME with the 16-bit form, which then works on VIF (SDM vol. 3, 20.3.3 and table 20-2).
Outcome iret_vm86(Cpu& cpu, const Insn& insn) {
    CpuState& s = cpu.s;
    const bool virtual_if = s.iopl() < 3;
    if (virtual_if && (!(s.cr4 & kCr4VME) || insn.operand_bits != 16)) return Outcome::fault(kVectorGP, 0);
    PopFrame frame(cpu, insn.operand_bits / 8);
    Popped p;
    TRY_GUEST(pop_three(frame, p));
    const bool pending = (p.flags & kFlagIF) && (s.rflags & kFlagVIP);
    if (virtual_if && (pending || (p.flags & kFlagTF))) return Outcome::fault(kVectorGP, 0);
    TRY_GUEST(jump_8086(cpu, static_cast<u16>(p.cs), p.rip));
    frame.commit();
    load_flags(s, p.flags, (insn.operand_bits == 16 ? kAlways16 : kAlways32) | (virtual_if ? u64{0} : u64{kFlagIF}));
    if (virtual_if) load_flags(s, p.flags & kFlagIF ? u64{kFlagVIF} : 0, kFlagVIF);
    return Outcome::success();
}

/// CPL 0 with VM set in the image: the rest of the frame is ESP, SS, ES, DS, FS, GS.
Outcome iret_to_vm86(Cpu& cpu, PopFrame& frame, const Popped& p) {
    CpuState& s = cpu.s;
    u64 esp = 0, selector[5] = {};
    TRY_GUEST(frame.pop(esp));
    for (u64& value : selector) TRY_GUEST(frame.pop(value));
    if (p.rip > 0xffff) return Outcome::fault(kVectorGP, 0);
    load_flags(s, p.flags, kAlways32 | kFlagIF | kFlagIOPL | kFlagVM | kFlagVIF | kFlagVIP);
    constexpr unsigned kOrder[] = {kSs, kEs, kDs, kFs, kGs};
    for (unsigned i = 0; i < 5; ++i) s.segment[kOrder[i]] = segment_vm86(static_cast<u16>(selector[i]));
    s.segment[kCs] = segment_vm86(static_cast<u16>(p.cs));
    s.rip = p.rip;
    s.gpr[kRsp] = esp;
    return Outcome::success();
}

Outcome iret_protected(Cpu& cpu, const Insn& insn) {
    CpuState& s = cpu.s;
    PopFrame frame(cpu, insn.operand_bits / 8);
    Popped p;
    TRY_GUEST(pop_three(frame, p));
    const unsigned cpl = s.cpl();
    if (!s.long_mode() && (p.flags & kFlagVM) && cpl == 0 && insn.operand_bits == 32)
        return iret_to_vm86(cpu, frame, p);

    ReturnTarget target;
    target.cs = static_cast<u16>(p.cs);
    target.rip = p.rip;
    const bool with_stack = s.mode64() || target.cpl() > cpl;
    TRY_GUEST(check_return_code(cpu, target));
    if (with_stack) {
        u64 ss = 0;
        TRY_GUEST(frame.pop(target.rsp));
        TRY_GUEST(frame.pop(ss));
        target.ss = static_cast<u16>(ss);
        TRY_GUEST(check_return_stack(cpu, target));
    } else {
        frame.commit();
    }
    const u64 mask = protected_mask(s, cpl, insn.operand_bits);
    enter(s, target, with_stack);
    load_flags(s, p.flags, mask);
    return Outcome::success();
}

}  // namespace

Outcome do_iret(Cpu& cpu, const Insn& insn) {
    CpuState& s = cpu.s;
    s.nmi_blocked = false;  // even when the IRET itself faults
    if (!s.protected_mode()) return iret_real(cpu, insn);
    if (s.vm86()) return iret_vm86(cpu, insn);
    if (s.rflags & kFlagNT) {
        if (s.long_mode()) return Outcome::fault(kVectorGP, 0);
        return return_to_previous_task(cpu);
    }
    return iret_protected(cpu, insn);
}

}  // namespace twin86
