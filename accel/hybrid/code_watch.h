// CodeWatch: finds translated code that was overwritten by an engine which does not report its writes.
//
// Leaving the translator, the bytes of every page with translations are kept; coming back, pages that differ are
// reported to the physical map, as if they had just been written.
#pragma once

#include <vector>

#include "mmu/phys_map.h"

namespace twin86 {

class CodeWatch {
  public:
    explicit CodeWatch(PhysMap& phys) : phys_(phys) {}

    /// Before the other engine runs.
    void remember();
    /// After it ran.
    void report();

    u64 reported() const { return reported_; }

  private:
    PhysMap& phys_;
    std::vector<Gpa> pages_;
    std::vector<u8> bytes_;  ///< of pages_, one after the other
    u64 reported_ = 0;
};

}  // namespace twin86
