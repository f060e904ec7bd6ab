// Re-encoding of a guest instruction with renamed registers and, for memory forms, [rbp] as its operand.
#pragma once

#include "cpu/decode/insn.h"

namespace twin86::jit {

/// Register numbers (0-31) to put into the explicit fields; fields that are not general registers keep theirs.
struct FieldMap {
    u8 reg, rm, vvvv, opcode;
    bool swapped = false;  ///< reg and rm have changed places: the other direction of the opcode
    static FieldMap of(const Insn& i) { return {i.reg_field, i.rm_field, i.vvvv_field, i.opcode_field}; }
};

/// Where a memory operand is on the host: [rbp], [base + disp], or [base + r10 + disp] with the delta of a window in r10.
struct HostOperand {
    u8 base = 5;
    bool delta = false;
    i32 disp = 0;
    bool in_place_of_rm = false;  ///< it stands for the register in ModRM.rm
};

constexpr unsigned kMaxHostLength = 24;  ///< of one instruction: a SIB byte and a long displacement may be added
/// Writes the 64-bit-mode encoding of `insn` with the registers of `map` to `out`; returns its length. With
/// insn.has_mem the memory operand becomes `operand`: segment overrides, address-size prefix and displacement go.
unsigned encode(const Insn& insn, const FieldMap& map, const HostOperand& operand, u8 out[kMaxHostLength]);

}  // namespace twin86::jit
