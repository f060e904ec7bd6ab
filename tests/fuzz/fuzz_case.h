// FuzzCase: what one run of hostile code starts from. Everything follows from a seed and the corpus.
#pragma once

#include <string>
#include <vector>

#include "base/types.h"
#include "tests/diff/corpus.h"
#include "tests/diff/random.h"
#include "tests/fuzz/seeds.h"

namespace twin86::fuzz {

using diff::Random;

/// How the processor starts.
enum class StartMode : u8 { kReal, kVm86, kProtected16, kProtected32, kPaged32, kPae32, kLong64, kCompatibility };
constexpr unsigned kStartModes = 8;
const char* name_of(StartMode mode);
unsigned code_bits(StartMode mode);

struct FuzzCase {
    u64 seed = 0;
    StartMode mode = StartMode::kLong64;
    bool user = false;
    bool wild_tables = false;  ///< descriptors, gates and page-table entries are random, not only some of them
    std::vector<u8> code;

    /// One line.
    std::string describe() const;
};

/// Makes cases: random bytes, random instructions of the table, system instructions, mutations of the corpus.
class CaseMaker {
  public:
    CaseMaker(const Decoder& decoder, const FeatureSet& features, std::vector<Seed> seeds);
    FuzzCase make(u64 seed) const;

  private:
    void append_piece(Random& r, unsigned bits, std::vector<u8>& code) const;
    void append_table_insn(Random& r, unsigned bits, std::vector<u8>& code) const;

    diff::Corpus corpus64_, corpus32_;
    std::vector<Seed> seeds_;
};

}  // namespace twin86::fuzz
