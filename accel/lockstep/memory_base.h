// MemoryBase: guest memory as it was when two engines agreed last, and which pages differ from that.
//
// Both engines execute on the guest's own memory, one after the other: between them what the first one wrote is taken
// out again. Dirty flags of the physical map say which pages that is (kPageDirtyCompare).
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "mmu/guest_ram.h"
#include "mmu/phys_map.h"

namespace twin86 {

class MemoryBase : private PhysMapListener {
  public:
    static Result<std::unique_ptr<MemoryBase>> create(PhysMap& phys);
    ~MemoryBase() override;

    /// Takes memory as it is now.
    void sync();
    /// Bus masters have written, or memory lies elsewhere, since sync().
    bool changed_from_outside() const { return remapped_ || phys_.dma_writes() != dma_writes_; }

    /// The pages written since they were asked for last, in ascending order.
    std::vector<Gpa> take_written();
    /// A page as it was.
    const u8* was(Gpa page) const { return copy_.base() + page; }
    /// A page as it is; null when it is no memory that can be written.
    const u8* is(Gpa page) const { return phys_.ram_page(page); }
    /// A page of system memory, not of a device.
    bool is_system(Gpa page) const;

    /// Puts contents into the guest's memory. Translations of what changes are dropped.
    void put(Gpa page, const u8* contents);
    /// The page as it is now is how it was.
    void accept(Gpa page);

  private:
    struct Range {
        Gpa base;
        u64 size;
        bool system;
    };

    MemoryBase(PhysMap& phys, HostPages copy);
    void writes_protected(Gpa, u64) override {}
    void range_remapped(Gpa base, u64 size) override;
    void find_ranges();
    void copy_all();

    PhysMap& phys_;
    HostPages copy_;             ///< by guest physical address
    std::vector<Range> ranges_;  ///< what can be written
    std::atomic<bool> remapped_ = true;
    u64 dma_writes_ = 0;
};

}  // namespace twin86
