// Listings: Intel syntax for logs, guest code and host code.
#pragma once

#include <span>
#include <string>

#include "base/types.h"
#include "cpu/decode/insn.h"

namespace twin86 {

/// "add rax, [rbx+0x8]", or "(bad) 0f ff" for what does not decode.
std::string format(const Insn& insn);

struct DisassembledLine {
    u64 address;
    unsigned length;  ///< at least 1, also for bytes that do not decode
    std::string text;
};

/// The instruction at the start of `bytes`, which must not be empty.
DisassembledLine disassemble_one(std::span<const u8> bytes, u64 address, unsigned mode_bits = 64);

/// A listing with one line for each instruction: address, bytes, text.
std::string disassemble(std::span<const u8> bytes, u64 address, unsigned mode_bits = 64);

}  // namespace twin86
