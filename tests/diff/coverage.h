// Which rows of the instruction table have been executed and compared.
#pragma once

#include <compare>
#include <map>
#include <set>
#include <string>

#include "tests/diff/corpus.h"
#include "tests/diff/program.h"

namespace twin86::diff {

class Coverage {
  public:
    /// A case ended with this exception on the native side (3: ran to its end).
    void add(const Case& c, int vector, const Decoder& decoder);
    /// Rows that a listing of `-d blocks` shows (TWIN86_TEST_BLOCKS). False: cannot be read.
    bool add_listing(const std::string& path, const Decoder& decoder);
    /// The rows that ran here, in that form, for another run's add_listing.
    bool write_listing(const std::string& path) const;
    /// Mnemonics that never ran to their end, and rows that no encoding was found for. One line each.
    std::string report(std::initializer_list<const Corpus*> corpora, const Decoder& decoder) const;

  private:
    struct Count {
        u64 run = 0, completed = 0;
        std::string sample;  ///< as a listing shows it
    };
    /// A row in a form: what an emitter or slow path tells apart.
    struct Form {
        u16 mnemonic;
        bool mem;
        u16 vector_bits;
        auto operator<=>(const Form&) const = default;
    };
    void count_forms(const Insn& insn);
    std::map<u16, Count> counts_;
    std::set<u16> listed_;
    std::set<Form> forms_;
};

}  // namespace twin86::diff
