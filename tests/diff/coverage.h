// Which rows of the instruction table have been executed and compared.
#pragma once

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
    /// Mnemonics that never ran to their end, and rows that no encoding was found for. One line each.
    std::string report(std::initializer_list<const Corpus*> corpora, const Decoder& decoder) const;

  private:
    struct Count {
        u64 run = 0, completed = 0;
    };
    std::map<u16, Count> counts_;
};

}  // namespace twin86::diff
