// Corpus: every encoding that the instruction table offers and that ring 3 may run on both sides, found by decoding.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "cpu/decode/decoder.h"
#include "cpu/state/features.h"
#include "tests/diff/random.h"

namespace twin86::diff {

constexpr u8 kFree = 0xff;

/// One encoding; everything that it leaves open is random.
struct Form {
    u16 mnemonic = 0;
    Encoding encoding = Encoding::kLegacy;
    u8 map = 0, opcode = 0;
    u8 prefix = 0;       ///< 0, 66, F3, F2
    u8 w = 0, l = 0;
    bool mem = false;
    bool broadcast = false;   ///< EVEX.b
    bool vvvv_unused = false;
    bool masked = false;      ///< EVEX.aaa is not 0
    u8 reg = kFree, rm = kFree;  ///< ModRM fields that are part of the opcode
};

class Corpus {
  public:
    Corpus(const Decoder& decoder, const FeatureSet& features, unsigned bits);

    /// Only mnemonics whose name contains this.
    void keep(const std::string& filter);
    /// Some form; integer instructions come more often than their share.
    const Form& pick(Random& random) const;
    /// Random bytes of the form; at most 15 count, the decoder says how many.
    void encode(const Form& form, Random& random, u8 (&bytes)[32]) const;

    unsigned bits() const { return bits_; }
    const std::map<u16, std::vector<Form>>& forms() const { return forms_; }

    /// Mnemonics of the table that this host does not offer.
    const std::set<u16>& not_offered() const { return not_offered_; }

    /// Whether an instruction may run on both sides and must come out the same.
    static bool runnable(const Insn& insn);
    static std::string name(u16 mnemonic);

  private:
    void scan_legacy();
    /// All forms of a VEX or EVEX opcode: `fill` sets the fields of the n-th combination.
    void scan_vector(Form opcode, unsigned combinations, void (*fill)(Form&, unsigned));
    void scan_vex();
    void scan_evex();
    bool decodes(Form form, Random& random, unsigned attempts) const;
    void try_forms(const std::vector<Form>& forms);
    void try_form(Form form);
    void build_groups();

    const Decoder& decoder_;
    const FeatureSet features_;
    const unsigned bits_;
    std::map<u16, std::vector<Form>> forms_;
    std::set<u16> not_offered_;
    std::vector<const std::vector<Form>*> groups_[5];  ///< integer, x87 and MMX, SSE, VEX, EVEX
};

}  // namespace twin86::diff
