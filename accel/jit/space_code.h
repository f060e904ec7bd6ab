// SpaceCode: the user pages that jumps and salted links of one address space lead to, as they were mapped then.
//
// Kernels reload CR3 to flush what munmap took away; the code that runs is mapped as before nearly always. Looking at
// its pages costs far less than finding every jump again.
#pragma once

#include <vector>

#include "mmu/page_walk.h"

namespace twin86::jit {

class SpaceCode {
  public:
    /// Pages beyond this number are not worth walking for.
    static constexpr std::size_t kMostPages = 256;

    /// A jump leads to this page, which lies at `physical`.
    void note(Gva page, Gpa physical);
    /// Whether a processor that has forgotten all translations would find every page where it was, for CPL 3, and would
    /// not change an accessed bit on the way.
    bool unchanged(const PagingContext& user, const PhysPages& phys) const;
    /// The jumps are gone.
    void forget() { pages_.clear(), too_many_ = false; }

  private:
    struct Page {
        Gva linear;
        Gpa physical;
    };
    std::vector<Page> pages_;
    bool too_many_ = false;
};

}  // namespace twin86::jit
