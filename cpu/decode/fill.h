// Steps of Decoder::decode that translate the decoder library's records into Insn fields.
#pragma once

#include <Zydis/Zydis.h>

#include <span>

#include "cpu/decode/insn.h"

namespace twin86 {

using Operands = std::span<const ZydisDecodedOperand>;

/// Prefixes, opcode, ModRM, SIB, displacement and immediates. `out.bytes` and `out.mode_bits` are set already.
void fill_layout(const ZydisDecodedInstruction& from, Insn& out);
/// Register fields, implicit registers, the memory operand, and which register files are used.
void fill_operands(const ZydisDecodedInstruction& from, Operands operands, Insn& out);
/// Flags; needs the other two.
void fill_flags(const ZydisDecodedInstruction& from, Insn& out);

}  // namespace twin86
