// The regions of memory that an AHCI command reads or fills: AHCI 1.3.1, 4.2.3.3 "Physical Region Descriptor Table".
#pragma once

#include <span>

#include "base/state_archive.h"
#include "devices/core/dma.h"

namespace twin86 {

class PrdTable {
  public:
    static constexpr u64 kEntryBytes = 16;

    explicit PrdTable(DmaView& memory) : memory_(memory) {}

    /// A table of `entries` at `base`.
    void start(Gpa base, u32 entries);
    /// Move along the regions; fewer bytes than given when they end or are not in RAM.
    std::size_t to_memory(std::span<const u8> from);
    std::size_t from_memory(std::span<u8> to);
    /// Since start().
    u32 moved() const { return moved_; }

    void visit(StateArchive& archive) { archive.fields(next_, entries_, region_, left_, moved_); }

  private:
    bool next_region();
    template <class Move>
    std::size_t run(std::size_t bytes, Move move);

    DmaView& memory_;
    Gpa next_ = 0;  ///< entry
    u32 entries_ = 0;
    Gpa region_ = 0;
    u32 left_ = 0;  ///< bytes of the region
    u32 moved_ = 0;
};

}  // namespace twin86
