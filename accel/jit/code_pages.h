// CodePages: small numbers for the physical pages that user code was translated from, so that tables can be made of them.
#pragma once

#include <unordered_map>
#include <vector>

#include "base/types.h"

namespace twin86::jit {

class CodePages {
  public:
    static constexpr u16 kNone = 0;
    static constexpr unsigned kMost = 1u << 15;

    /// The number of a page, which it keeps until clear(); kNone when no number is left.
    u16 number_of(Gpa page);
    Gpa page(u16 number) const { return pages_[number]; }
    void clear();

  private:
    std::unordered_map<Gpa, u16> numbers_;
    std::vector<Gpa> pages_ = {~Gpa{0}};  // by number
};

}  // namespace twin86::jit
