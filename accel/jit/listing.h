// Listing: a translated block for `-d blocks`, guest instructions on the left, what became of them on the right.
#pragma once

#include <span>
#include <string>

#include "accel/jit/block.h"
#include "accel/jit/thunks.h"

namespace twin86::jit {

struct ListingInput {
    const Block& block;
    std::span<const Insn> insns;
    std::span<const u8> code;  ///< will execute at block.code
    u32 cold_at;               ///< offset of the cold part
    const Thunks& thunks;
};

/// Under each guest instruction come its hot code and then its cold code (marked ~). Several lines.
std::string listing(const ListingInput& input);

}  // namespace twin86::jit
