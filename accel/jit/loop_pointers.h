// LoopPointers: the addresses of a block that jumps to its own start which stay near where they were.
//
// What such a loop accesses through a pointer that only moves by constants needs one comparison with a region, before
// the first round: in every round an access through the pointer succeeds, so that it was in its window or the host has
// faulted, and until the next one it moves by far less than the guard space around windows.
#pragma once

#include <array>
#include <span>

#include "accel/jit/anchors.h"

namespace twin86::jit {

/// base + index * scale; without an index any address near the base.
struct LoopPointer {
    u8 base = kNoGpr, index = kNoGpr, scale = 1;
    u16 region = 0;  ///< where it probably points: RegionSite::region
};

class LoopPointers {
  public:
    static constexpr unsigned kMost = 4;
    /// How far from the pointer the access of every round may be, and how far the pointer moves in one round at most.
    static constexpr u64 kNear = (u64{1} << 32) + (u64{1} << 31), kRound = u64{1} << 29;
    /// An adjustment of a register in a loop, times the largest scale and the most instructions, is below kRound.
    static constexpr u64 kStep = u64{1} << 20;

    /// Whether an access goes through a window at all.
    using ThroughWindow = bool (*)(const void* self, const Insn& insn);
    /// Looks for pointers of 64-bit code. `gpr`: the registers at the start of the block.
    /// `from`: the index behind which the branch back is.
    void find(std::span<const Insn> insns, std::size_t from, const u64* gpr, ThroughWindow through_window, const void* self);

    std::span<const LoopPointer> all() const { return {pointers_.data(), count_}; }
    /// Such an access has been emitted.
    void accessed(const LoopPointer* p) { accessed_ |= 1u << (p - pointers_.data()); }
    bool all_accessed() const { return accessed_ + 1 == 1u << count_; }
    /// The pointer that decides about addresses near a register, or about an operand with an index; null: none.
    const LoopPointer* of(u8 base) const { return of(base, kNoGpr, 1); }
    const LoopPointer* of(u8 base, u8 index, u8 scale) const;

  private:
    void add(const Insn& insn, const Anchors& anchors, const u64* gpr);

    std::array<LoopPointer, kMost> pointers_;
    unsigned count_ = 0, accessed_ = 0;
    u16 steady_ = 0;  ///< registers that no instruction of the block changes by more than kStep
};

}  // namespace twin86::jit
