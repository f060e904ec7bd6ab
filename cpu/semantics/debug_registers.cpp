// MOV to and from debug registers, SDM vol. 3, 17.2.
#include "cpu/semantics/handlers.h"
#include "cpu/semantics/memory.h"
#include "cpu/semantics/privilege.h"

namespace twin86 {
namespace {

constexpr u64 kDr6Writable = 0xe00f, kDr6Ones = 0xffff0ff0;
constexpr u64 kDr7Writable = 0xffff23ff, kDr7Ones = 0x400;
constexpr u64 kDr6Bd = bit(13);
constexpr u64 kDr7Gd = bit(13);

/// DR4 and DR5 are DR6 and DR7 unless CR4.DE; any access is trapped once when DR7.GD is set.
Outcome select_register(const CpuState& s, const Insn& insn, unsigned& number) {
    number = insn.reg_field;
    const bool alias = number == 4 || number == 5;
    if (number > 7 || (alias && (s.cr4 & kCr4DE))) return Outcome::fault(kVectorUD);
    if (alias) number += 2;
    TRY_GUEST(require_cpl0(s));
    return s.dr[7] & kDr7Gd ? Outcome::debug(kDr6Bd) : Outcome::success();
}

}  // namespace

Outcome do_mov_to_dr(Cpu& cpu, const Insn& insn) {
    unsigned number = 0;
    TRY_GUEST(select_register(cpu.s, insn, number));
    const u64 value = read_gpr(cpu.s, insn.rm_field, insn.is64() ? 64 : 32);
    if (number >= 6 && value >> 32) return Outcome::fault(kVectorGP, 0);
    cpu.s.dr[number] = number == 6   ? (value & kDr6Writable) | kDr6Ones
                       : number == 7 ? (value & kDr7Writable) | kDr7Ones
                                     : value;
    return Outcome::success();
}

Outcome do_mov_from_dr(Cpu& cpu, const Insn& insn) {
    unsigned number = 0;
    TRY_GUEST(select_register(cpu.s, insn, number));
    const u64 ones = number == 6 ? kDr6Ones : number == 7 ? kDr7Ones : 0;
    write_gpr(cpu.s, insn.rm_field, insn.is64() ? 64 : 32, cpu.s.dr[number] | ones);
    return Outcome::success();
}

}  // namespace twin86
