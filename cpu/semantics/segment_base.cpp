// SWAPGS and the FSGSBASE instructions, SDM vol. 2.
#include <utility>

#include "cpu/semantics/handlers.h"
#include "cpu/semantics/memory.h"
#include "cpu/semantics/privilege.h"

namespace twin86 {
namespace {

Outcome write_base(Cpu& cpu, const Insn& insn, unsigned segment) {
    CpuState& s = cpu.s;
    if (!s.mode64() || !(s.cr4 & kCr4FSGSBASE)) return Outcome::fault(kVectorUD);
    const u64 base = read_gpr(s, insn.rm_field, insn.operand_bits == 64 ? 64 : 32);
    if (!canonical(s, base)) return Outcome::fault(kVectorGP, 0);
    s.segment[segment].base = base;
    return Outcome::success();
}

}  // namespace

Outcome do_swapgs(Cpu& cpu, const Insn&) {
    if (!cpu.s.mode64()) return Outcome::fault(kVectorUD);
    TRY_GUEST(require_cpl0(cpu.s));
    std::swap(cpu.s.segment[kGs].base, cpu.s.kernel_gs_base);
    return Outcome::success();
}

Outcome do_wrfsbase(Cpu& cpu, const Insn& insn) {
    return write_base(cpu, insn, kFs);
}

Outcome do_wrgsbase(Cpu& cpu, const Insn& insn) {
    return write_base(cpu, insn, kGs);
}

}  // namespace twin86
