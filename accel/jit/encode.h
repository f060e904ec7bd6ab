// Re-encoding of a guest instruction with renamed registers and, for memory forms, [rbp] as its operand.
#pragma once

#include "cpu/decode/insn.h"

namespace twin86::jit {

/// Register numbers (0-31) to put into the explicit fields; fields that are not general registers keep theirs.
struct FieldMap {
    u8 reg, rm, vvvv, opcode;
    static FieldMap of(const Insn& i) { return {i.reg_field, i.rm_field, i.vvvv_field, i.opcode_field}; }
};

/// Writes the 64-bit-mode encoding of `insn` with the registers of `map` to out[0..15]; returns its length. With
/// insn.has_mem the memory operand becomes [rbp+0]: segment overrides, address-size prefix and displacement go.
unsigned encode(const Insn& insn, const FieldMap& map, u8 out[16]);

}  // namespace twin86::jit
