// What an instruction does to general registers, as far as operands in windows depend on it.
#pragma once

#include "cpu/decode/insn.h"

namespace twin86::jit {

/// Bit n: general register n is written, explicitly or not.
u16 written_registers(const Insn& insn);

/// A register that moves by a constant: ADD and SUB of an immediate to 64 bits, INC, DEC, LEA, PUSH and POP.
struct Adjustment {
    u8 guest = kNoGpr;
    i64 by = 0;
};
Adjustment adjustment(const Insn& insn);

inline u64 magnitude(i64 v) { return v < 0 ? -static_cast<u64>(v) : static_cast<u64>(v); }

}  // namespace twin86::jit
