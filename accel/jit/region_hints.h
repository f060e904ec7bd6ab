// RegionHints: in which region of 512 GiB each general register probably points, followed through one block.
//
// Only a guess, from the registers' values at translation: emitted code compares before it relies on it
// (emit_region.cpp).
#pragma once

#include <array>

#include "cpu/decode/insn.h"

namespace twin86::jit {

class RegionHints {
  public:
    /// From the values at the start of the block.
    void begin(const u64* gpr);
    /// RegionSite::region of the address that register r probably holds.
    u16 of(u8 r) const { return hint_[r]; }
    /// The same for the memory operand of an instruction.
    u16 of(const MemOperand& m) const {
        return hint_[m.base != kNoGpr ? m.base : m.index != kNoGpr && !m.vsib ? m.index : u8{kRsp}];
    }
    /// Follows one instruction: copies keep the region, and what a pointer points to lies near it more often than not.
    void follow(const Insn& insn);

  private:
    std::array<u16, 16> hint_{};
};

}  // namespace twin86::jit
