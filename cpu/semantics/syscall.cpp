// Fast system calls, SDM vol. 2, SYSCALL, SYSRET, SYSENTER, SYSEXIT; APM vol. 3, the same.
//
// Where the vendors differ, CpuTraits::amd decides:
//  - SYSCALL/SYSRET outside 64-bit mode exist on AMD only (CSTAR, STAR[31:0]).
//  - SYSENTER/SYSEXIT in long mode exist on Intel only.
//  - SYSRET to a non-canonical RCX: Intel #GP at CPL 0; AMD returns, the fetch at CPL 3 faults.
// SYSRET sets the whole SS descriptor cache as on Intel; AMD leaves base, limit and attributes, which no guest may
// need.
#include "cpu/semantics/descriptor.h"
#include "cpu/semantics/handlers.h"
#include "cpu/semantics/memory.h"

namespace twin86 {
namespace {

Outcome undefined() {
    return Outcome::fault(kVectorUD);
}

u16 star_selector(const CpuState& s, unsigned shift) {
    return static_cast<u16>(s.star >> shift);
}

bool syscall_enabled(const Cpu& cpu) {
    const CpuState& s = cpu.s;
    return (s.efer & kEferSCE) && s.protected_mode() && (s.mode64() || cpu.traits.amd);
}

}  // namespace

Outcome do_syscall(Cpu& cpu, const Insn& insn) {
    CpuState& s = cpu.s;
    if (!syscall_enabled(cpu)) return undefined();
    if (!s.long_mode()) {
        s.gpr[kRcx] = static_cast<u32>(insn.next_rip());
        s.rip = static_cast<u32>(s.star);
        s.rflags &= ~u64{kFlagVM | kFlagIF | kFlagRF};
        set_kernel_segments(s, star_selector(s, 32), false);
        return Outcome::success();
    }
    syscall_long(s, insn.next_rip());
    return Outcome::success();
}

Outcome do_sysret(Cpu& cpu, const Insn& insn) {
    CpuState& s = cpu.s;
    if (!syscall_enabled(cpu)) return undefined();
    if (s.cpl() != 0) return Outcome::fault(kVectorGP, 0);
    const bool to_64 = s.mode64() && insn.operand_bits == 64;
    if (to_64 && !cpu.traits.amd && !canonical(s, s.gpr[kRcx])) return Outcome::fault(kVectorGP, 0);
    if (to_64) return sysret_to_64(s), Outcome::success();
    const u16 base = star_selector(s, 48);
    s.rip = static_cast<u32>(s.gpr[kRcx]);
    s.rflags = s.long_mode() ? (s.gpr[kR11] & kSysretFlags) | kFlagReserved1 : s.rflags | kFlagIF;
    set_user_segments(s, base, static_cast<u16>(base + 8), false);
    return Outcome::success();
}

Outcome do_sysenter(Cpu& cpu, const Insn&) {
    CpuState& s = cpu.s;
    if (cpu.traits.amd && s.long_mode()) return undefined();
    if (!s.protected_mode() || null_selector(static_cast<u16>(s.sysenter_cs))) return Outcome::fault(kVectorGP, 0);
    s.rflags &= ~u64{kFlagVM | kFlagIF | kFlagRF};
    s.rip = s.long_mode() ? s.sysenter_eip : static_cast<u32>(s.sysenter_eip);
    s.gpr[kRsp] = s.long_mode() ? s.sysenter_esp : static_cast<u32>(s.sysenter_esp);
    set_kernel_segments(s, static_cast<u16>(s.sysenter_cs), s.long_mode());
    return Outcome::success();
}

Outcome do_sysexit(Cpu& cpu, const Insn& insn) {
    CpuState& s = cpu.s;
    if (cpu.traits.amd && s.long_mode()) return undefined();
    const bool ready = s.protected_mode() && s.cpl() == 0 && !null_selector(static_cast<u16>(s.sysenter_cs));
    if (!ready) return Outcome::fault(kVectorGP, 0);
    const bool to_64 = insn.operand_bits == 64;
    if (to_64 && !(canonical(s, s.gpr[kRcx]) && canonical(s, s.gpr[kRdx]))) return Outcome::fault(kVectorGP, 0);
    const u16 cs = static_cast<u16>((s.sysenter_cs & 0xfffc) + (to_64 ? 32 : 16));
    s.rip = to_64 ? s.gpr[kRdx] : static_cast<u32>(s.gpr[kRdx]);
    s.gpr[kRsp] = to_64 ? s.gpr[kRcx] : static_cast<u32>(s.gpr[kRcx]);
    set_user_segments(s, cs, static_cast<u16>(cs + 8), to_64);
    return Outcome::success();
}

}  // namespace twin86
