// What an instruction does to general registers, as far as operands in windows depend on it.
#pragma once

#include "cpu/decode/insn.h"

namespace twin86::jit {

/// Bit n: general register n is written, explicitly or not.
u16 written_registers(const Insn& insn);
/// The same without implicit operands.
u16 explicitly_written(const Insn& insn);

/// The instruction calls no helper and does not branch: its effects are known, and the next one follows.
bool is_plain(const Insn& insn);

/// A register that moves by a constant: ADD and SUB of an immediate to 64 bits, INC, DEC, LEA, PUSH and POP.
struct Adjustment {
    u8 guest = kNoGpr;
    i64 by = 0;
};
Adjustment adjustment(const Insn& insn);

/// Of a register while what it decided about stays right.
constexpr u64 kLargestAdjustment = u64{1} << 20;
/// The instruction leaves the register where a window that was right for it still is.
bool moves_a_little(const Insn& insn, u8 guest);

inline u64 magnitude(i64 v) { return v < 0 ? -static_cast<u64>(v) : static_cast<u64>(v); }

}  // namespace twin86::jit
