// RestlessCode: pages whose code is rewritten so often that noticing each write costs more than looking at the code before it
// runs. Writes go there freely for a while; the blocks compare their bytes when they are entered (emit_check.cpp).
#pragma once

#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/types.h"

namespace twin86::jit {

class RestlessCode {
  public:
    /// A block that is dropped so often, each time within the interval, is code that changes as a matter of course.
    static constexpr unsigned kDrops = 16;
    static constexpr u64 kInterval = 100'000;   ///< ns
    static constexpr u64 kDuration = 500'000'000;  ///< ns that a page stays restless

    /// A write to `page` at time `now` (ns) dropped the block that starts at `start`. True: the page is restless from now on.
    bool note_drop(Gpa start, Gpa page, u64 now);
    bool any() const { return !pages_.empty(); }
    bool contains(Gpa address) const { return !pages_.empty() && pages_.contains(address & kPageMask); }
    /// The pages whose time is over, which are no longer restless.
    std::vector<Gpa> settled(u64 now);

    /// The immediate of this instruction in a restless page is what changes.
    void note_immediate(Gpa insn) { immediates_.insert(insn); }
    bool varies(Gpa insn) const { return immediates_.contains(insn); }
    void clear();

  private:
    static constexpr std::size_t kMostStarts = 1024;
    struct Drops {
        u64 last = 0;
        unsigned count = 0;
    };
    std::unordered_map<Gpa, Drops> drops_;  // by start of a block
    std::unordered_map<Gpa, u64> pages_;    // until when
    std::unordered_set<Gpa> immediates_;
};

}  // namespace twin86::jit
