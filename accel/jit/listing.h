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
    std::span<const u8> hot, cold;
    const Thunks& thunks;

    /// The code from an offset on: the hot part starts at 0, the cold one at block.cold_at.
    std::span<const u8> code(u32 at) const { return at < block.cold_at ? hot.subspan(at) : cold.subspan(at - block.cold_at); }
    std::size_t size() const { return hot.size() + cold.size(); }
};

/// Under each guest instruction come its hot code and then its cold code (marked ~). Several lines.
std::string listing(const ListingInput& input);

}  // namespace twin86::jit
