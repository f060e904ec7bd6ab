// Anchors: which general registers point near which others, within one block.
//
// The window of an operand may be decided by any register that lies within kReach of its address: then an array access
// does not wait for its index, and neighbours share one decision. The guard space around windows is wider than
// kReach and a displacement together, so that a claim of this class is what keeps accesses inside guest RAM:
// only what is certain counts as near.
#pragma once

#include <array>

#include "cpu/decode/insn.h"

namespace twin86::jit {

class Anchors {
  public:
    /// How far from its anchor's value a register may be claimed to be.
    static constexpr u64 kReach = u64{1} << 36;
    /// Bound of a 32-bit value, zero- or sign-extended.
    static constexpr u64 kSmall = u64{1} << 32;

    Anchors() { reset(); }
    /// Every register stands for itself: the beginning of a block, or after anything that is not followed.
    void reset();

    /// A register whose present value is within bound(r) of the present value of r; r itself when none is known.
    u8 anchor(u8 r) const { return value_[r].anchor; }
    u64 bound(u8 r) const { return value_[r].bound; }
    /// The value of r is a 32-bit number, zero- or sign-extended.
    bool small(u8 r) const { return value_[r].small; }

    /// Follows one 64-bit-mode instruction, after which its claims hold.
    void follow(const Insn& insn);

  private:
    struct Value {
        u8 anchor;
        u64 bound = 0;
        bool small = false;
    };

    Value sum(u8 pointer, u64 distance) const;
    bool moved(const Insn& insn);
    void set(u8 r, Value v);
    void adjust(u8 r, i64 by);
    void forget(u8 r) { set(r, {r}); }
    void put(u8 r, Value v);
    template <class F>
    void for_near(u8 r, F f);

    std::array<Value, 16> value_;
    u16 near_ = 0;  ///< bit r: the anchor of r is another register
};

}  // namespace twin86::jit
