#include "cpu/decode/fill.h"

namespace twin86 {

namespace {

/// How often a shift or rotate instruction takes effect on the flags.
enum class ShiftFlags { kNotAShift, kAlways, kNever, kSometimes };

bool is_rotate_or_shift(const Insn& insn) {
    if (insn.encoding != Encoding::kLegacy) return false;
    if (insn.map == 0) return (insn.opcode & 0xfe) == 0xc0 || (insn.opcode >= 0xd0 && insn.opcode <= 0xd3);
    return insn.map == 1 && (insn.opcode == 0xa4 || insn.opcode == 0xa5 || insn.opcode == 0xac || insn.opcode == 0xad);
}

/// A count of zero after masking leaves all flags alone (SDM vol. 2, SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR, SHLD, SHRD).
ShiftFlags shift_flags(const Insn& insn) {
    if (!is_rotate_or_shift(insn)) return ShiftFlags::kNotAShift;
    if (insn.map == 0 && (insn.opcode == 0xd0 || insn.opcode == 0xd1)) return ShiftFlags::kAlways;
    if (insn.imm_size == 0) return ShiftFlags::kSometimes;
    const u64 mask = insn.operand_bits == 64 ? 0x3f : 0x1f;
    return (insn.imm & mask) == 0 ? ShiftFlags::kNever : ShiftFlags::kAlways;
}

bool is_repeated_compare(const Insn& insn) {
    if (insn.encoding != Encoding::kLegacy || insn.map != 0 || !(insn.repe || insn.repne)) return false;
    return insn.opcode == 0xa6 || insn.opcode == 0xa7 || insn.opcode == 0xae || insn.opcode == 0xaf;
}

/// Zydis 4.0 has no flags for these, which write all six (SDM vol. 2, VPTEST, VTESTPD/VTESTPS).
bool is_vector_test(const ZydisDecodedInstruction& from) {
    return from.mnemonic == ZYDIS_MNEMONIC_VPTEST || from.mnemonic == ZYDIS_MNEMONIC_VTESTPS ||
           from.mnemonic == ZYDIS_MNEMONIC_VTESTPD;
}

}  // namespace

void fill_flags(const ZydisDecodedInstruction& from, Insn& out) {
    if (is_vector_test(from)) {
        out.flags_written = kFlagsArithmetic;
        return;
    }
    if (!from.cpu_flags) return;
    const ZydisAccessedFlags& flags = *from.cpu_flags;
    out.flags_read = static_cast<u16>(flags.tested);
    const u16 written = static_cast<u16>(flags.modified | flags.set_0 | flags.set_1 | flags.undefined);
    const ShiftFlags shift = shift_flags(out);
    if (shift == ShiftFlags::kNever) return;
    out.flags_undefined = static_cast<u16>(flags.undefined);
    if (shift == ShiftFlags::kSometimes || is_repeated_compare(out)) {
        out.flags_maybe_written = written;
        return;
    }
    // OF after a multi-bit rotate or shift is undefined: processors differ on whether they write it.
    const bool count_is_one = out.map == 0 && (out.opcode & 0xfe) == 0xd0;
    const bool of_is_doubtful = shift == ShiftFlags::kAlways && !count_is_one && out.imm != 1;
    const u16 doubtful = of_is_doubtful ? written & u16{kFlagOF} : u16{0};
    out.flags_undefined |= doubtful;
    out.flags_written = written & ~doubtful;
    out.flags_maybe_written = doubtful;
}

}  // namespace twin86
