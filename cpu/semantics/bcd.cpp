// Decimal arithmetic: DAA, DAS, AAA, AAS, AAM, AAD. SDM vol. 2. Undefined flags keep their values, but for AAD: there processors set
// them as for the ADD that it is.
#include <bit>

#include "cpu/semantics/handlers.h"
#include "cpu/semantics/memory.h"

namespace twin86 {
namespace {

u8 al(const CpuState& s) {
    return static_cast<u8>(s.gpr[kRax]);
}
u8 ah(const CpuState& s) {
    return static_cast<u8>(s.gpr[kRax] >> 8);
}
void set_al(CpuState& s, u8 value) {
    write_gpr(s, kRax, 8, value);
}
void set_ax(CpuState& s, u16 value) {
    write_gpr(s, kRax, 16, value);
}

void set_flag(CpuState& s, u64 flag, bool on) {
    s.rflags = on ? s.rflags | flag : s.rflags & ~flag;
}

void set_result_flags(CpuState& s, u8 result) {
    set_flag(s, kFlagSF, result & 0x80);
    set_flag(s, kFlagZF, result == 0);
    set_flag(s, kFlagPF, std::popcount(result) % 2 == 0);
}

/// DAA with sign +1, DAS with -1.
void adjust_packed(CpuState& s, int sign) {
    const u8 old_al = al(s);
    const bool old_carry = s.rflags & kFlagCF;
    const bool low = (old_al & 15) > 9 || (s.rflags & kFlagAF);
    const bool high = old_al > 0x99 || old_carry;
    int result = old_al;
    bool carry = high;
    if (low) {
        result += sign * 6;
        if (sign < 0) carry = carry || old_al < 6;
    }
    if (high) result += sign * 0x60;
    set_al(s, static_cast<u8>(result));
    set_flag(s, kFlagAF, low);
    set_flag(s, kFlagCF, carry);
    set_result_flags(s, al(s));
}

/// AAA with sign +1, AAS with -1.
void adjust_unpacked(CpuState& s, int sign) {
    const bool adjust = (al(s) & 15) > 9 || (s.rflags & kFlagAF);
    if (adjust) set_ax(s, static_cast<u16>(static_cast<int>(s.gpr[kRax] & 0xffff) + sign * 0x106));
    set_flag(s, kFlagAF, adjust);
    set_flag(s, kFlagCF, adjust);
    set_al(s, al(s) & 15);
}

}  // namespace

Outcome do_daa(Cpu& cpu, const Insn&) {
    adjust_packed(cpu.s, 1);
    return Outcome::success();
}

Outcome do_das(Cpu& cpu, const Insn&) {
    adjust_packed(cpu.s, -1);
    return Outcome::success();
}

Outcome do_aaa(Cpu& cpu, const Insn&) {
    adjust_unpacked(cpu.s, 1);
    return Outcome::success();
}

Outcome do_aas(Cpu& cpu, const Insn&) {
    adjust_unpacked(cpu.s, -1);
    return Outcome::success();
}

Outcome do_aam(Cpu& cpu, const Insn& insn) {
    const u8 base = static_cast<u8>(insn.imm);
    if (base == 0) return Outcome::fault(kVectorDE);
    const u8 value = al(cpu.s);
    set_ax(cpu.s, static_cast<u16>((value / base) << 8 | value % base));
    set_result_flags(cpu.s, al(cpu.s));
    return Outcome::success();
}

Outcome do_aad(Cpu& cpu, const Insn& insn) {
    const u8 tens = static_cast<u8>(ah(cpu.s) * static_cast<u8>(insn.imm)), units = al(cpu.s);
    const u8 value = static_cast<u8>(units + tens);
    set_flag(cpu.s, kFlagCF, value < units);
    set_flag(cpu.s, kFlagAF, (value ^ units ^ tens) & 0x10);
    set_flag(cpu.s, kFlagOF, (value ^ units) & (value ^ tens) & 0x80);
    set_ax(cpu.s, value);
    set_result_flags(cpu.s, value);
    return Outcome::success();
}

}  // namespace twin86
