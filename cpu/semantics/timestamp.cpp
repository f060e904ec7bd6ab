// RDTSC, RDTSCP, RDPID and RDPMC, SDM vol. 2 and vol. 3, 17.17.
#include "cpu/semantics/timestamp.h"

#include "cpu/semantics/handlers.h"
#include "cpu/semantics/memory.h"
#include "cpu/semantics/privilege.h"

namespace twin86 {

u64 guest_tsc(Cpu& cpu) {
    return cpu.host.read_tsc() + cpu.s.tsc_offset + cpu.s.tsc_adjust;
}

Outcome do_rdtsc(Cpu& cpu, const Insn&) {
    CpuState& s = cpu.s;
    if ((s.cr4 & kCr4TSD) && privilege(s) > 0) return Outcome::fault(kVectorGP, 0);
    const u64 tsc = guest_tsc(cpu);
    s.gpr[kRax] = static_cast<u32>(tsc);
    s.gpr[kRdx] = tsc >> 32;
    return Outcome::success();
}

Outcome do_rdtscp(Cpu& cpu, const Insn& insn) {
    TRY_GUEST(do_rdtsc(cpu, insn));
    cpu.s.gpr[kRcx] = static_cast<u32>(cpu.s.tsc_aux);
    return Outcome::success();
}

Outcome do_rdpid(Cpu& cpu, const Insn& insn) {
    write_gpr(cpu.s, insn.rm_field, insn.is64() ? 64 : 32, static_cast<u32>(cpu.s.tsc_aux));
    return Outcome::success();
}

/// No performance counters are offered: every index is invalid.
Outcome do_rdpmc(Cpu&, const Insn&) {
    return Outcome::fault(kVectorGP, 0);
}

}  // namespace twin86
