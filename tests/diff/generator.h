// Generator: random cases. Registers are chosen so that memory operands meet the data window, its edges, or nothing.
#pragma once

#include "tests/diff/corpus.h"
#include "tests/diff/program.h"
#include "tests/diff/random.h"

namespace twin86::diff {

class Generator {
  public:
    Generator(const Corpus& corpus, const Decoder& decoder, const FeatureSet& features)
        : corpus_(corpus), decoder_(decoder), features_(features) {}

    /// One instruction; now and then its end lies behind the code pages.
    Case single(Random& r) const;
    /// One instruction with a prefix or a bit changed: often no instruction at all, which must be the same fault.
    Case mangled(Random& r) const;
    /// 2 to 20 instructions, now and then up to 100, with branches forward and bounded loops.
    Case block(Random& r) const;
    /// 16-bit code that loads segments, inspects descriptors and transfers far, within the LDT. The host must have one.
    Case segments(Random& r) const;
    /// 16- or 32-bit code that goes between code segments of different bases. The host must have an LDT.
    Case code_segments(Random& r) const;

  private:
    struct Pointers;

    bool random_insn(Random& r, Insn& insn) const;
    bool comparable(const Insn& insn) const;
    Case single_of(Random& r, Insn& insn) const;
    Case start(Random& r, bool tame = false) const;
    void choose_segments(Random& r, bool tame, Case& c) const;
    void narrow(Case& c) const;
    unsigned stack_bits(const Case& c) const;

    // Where an access goes.
    Gva pick_target(Random& r, const Insn& insn, unsigned size) const;
    Gva pick_in(Random& r, const Insn& insn, unsigned size, const MachineState& s, unsigned segment) const;
    void aim(Random& r, Insn& insn, Item& item, MachineState& s, u32 data_seed) const;
    void aim_memory(Random& r, const Insn& insn, Item& item, MachineState& s, Gva target) const;
    void aim_vsib(Random& r, const Insn& insn, MachineState& s) const;
    void aim_implicit(Random& r, const Insn& insn, MachineState& s) const;

    bool block_insn(Random& r, const Pointers& p, Program& out) const;
    bool aim_block_memory(Random& r, const Pointers& p, const Insn& insn, Item& item) const;
    void block_branch(Random& r, const Pointers& p, unsigned room, Program& out) const;
    void choose_pointers(Random& r, Pointers& p) const;
    void indirect_branch_16(Random& r, const Pointers& p, std::size_t to, Program& out) const;
    void indirect_branch(Random& r, const Pointers& p, std::size_t to, Program& out) const;
    void back_branch(Random& r, const Pointers& p, Program& out) const;

    const Corpus& corpus_;
    const Decoder& decoder_;
    const FeatureSet& features_;
};

/// The item of decoded bytes.
Item item_of(const Insn& insn);
/// Bit n: general register n may be written.
u32 written_registers(const Insn& insn);

}  // namespace twin86::diff
