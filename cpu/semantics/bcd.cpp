// Decimal arithmetic: DAA, DAS, AAA, AAS, AAM, AAD. SDM vol. 2. Flags that it leaves undefined are those of the additions that the
// instructions are made of, as Zen 5 has them for all operands; AAM clears them.
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
    // The adjustment is one addition or subtraction, which may overflow.
    const int adjustment = (low ? 6 : 0) + (high ? 0x60 : 0), other = sign < 0 ? result : old_al, sum = sign < 0 ? old_al : result;
    set_flag(s, kFlagOF, (sum ^ other) & (sum ^ adjustment) & 0x80);
    set_al(s, static_cast<u8>(result));
    set_flag(s, kFlagAF, low);
    set_flag(s, kFlagCF, carry);
    set_result_flags(s, al(s));
}

/// AAA with sign +1, AAS with -1.
void adjust_unpacked(CpuState& s, int sign) {
    const bool adjust = (al(s) & 15) > 9 || (s.rflags & kFlagAF);
    const int adjustment = adjust ? 0x106 : 0, before = static_cast<u16>(s.gpr[kRax]);
    const u16 after = static_cast<u16>(before + sign * adjustment);
    const int other = sign < 0 ? after : before, sum = sign < 0 ? before : after;
    set_ax(s, after);
    set_flag(s, kFlagOF, (sum ^ other) & (sum ^ adjustment) & 0x8000);
    set_flag(s, kFlagSF, after & 0x8000);
    set_flag(s, kFlagZF, after == 0);
    set_flag(s, kFlagPF, std::popcount(static_cast<u8>(after)) % 2 == 0);
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
    cpu.s.rflags &= ~u64{kFlagCF | kFlagAF | kFlagOF};
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
