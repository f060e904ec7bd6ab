// SiteSet: instructions by guest physical address that have learnt something. Most look-ups are for others, and cost one bit's test.
#pragma once

#include <bitset>
#include <unordered_set>

#include "base/types.h"

namespace twin86::jit {

class SiteSet {
  public:
    static constexpr unsigned filter_index(Gpa insn) { return (insn ^ insn >> 16) % kFilter; }

    bool contains(Gpa insn) const { return filter_[filter_index(insn)] && sites_.contains(insn); }
    std::size_t size() const { return sites_.size(); }
    /// A full set is emptied first: it learns again.
    void insert(Gpa insn) {
        if (sites_.size() >= kMost) sites_.clear(), filter_.reset();
        sites_.insert(insn);
        filter_.set(filter_index(insn));
    }

  private:
    static constexpr std::size_t kMost = 65'536, kFilter = 65'536;

    std::unordered_set<Gpa> sites_;
    std::bitset<kFilter> filter_;
};

}  // namespace twin86::jit
