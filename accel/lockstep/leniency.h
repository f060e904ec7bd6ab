// What may differ in memory after two engines have executed the same instructions.
#pragma once

#include <unordered_set>

#include "cpu/state/cpuid_model.h"
#include "mmu/phys_pages.h"

namespace twin86 {

/// The pages of paging structures that one value of CR3 reaches.
class PagingPages {
  public:
    PagingPages(const CpuState& state, const PhysPages& pages);
    bool contains(Gpa page) const { return found_.contains(page); }

  private:
    void add(Gpa table, unsigned level);

    const PhysPages& pages_;
    unsigned entry_bytes_ = 8;
    std::unordered_set<Gpa> found_;
};

/// Arithmetic flags that the code at this state's RIP overwrites before it reads them, as far as it goes straight on.
u64 dead_flags(const CpuState& state, const PhysPages& pages, const CpuModel& model);

class Leniency {
  public:
    /// Between these two states. `raised`: the second one is at the first instruction of an exception handler.
    Leniency(const CpuState& start, const CpuState& end, bool raised, const PhysPages& pages, u8 physical_bits)
        : start_(start), end_(end), raised_(raised), pages_(pages), physical_bits_(physical_bits) {}

    /// Whether the 32-bit word at `address` may be `first` here and `second` there.
    bool allows(Gpa address, u32 first, u32 second) const;

  private:
    bool is_pushed_flags(Gpa address) const;
    bool is_paging_entry(Gpa address) const;

    const CpuState &start_, &end_;
    bool raised_;
    const PhysPages& pages_;
    u8 physical_bits_;
};

}  // namespace twin86
