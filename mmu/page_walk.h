// The page walk: one pure function for the translator's fill path, the debugger, the monitor and tests.
//
// SDM vol. 3, chapter 4. Two entry points: translate sets accessed/dirty bits and reports faults, peek has no effect.
// The walk itself is in mmu/page_walk_impl.h, for leaf helpers that must inline it.
#pragma once

#include "base/types.h"
#include "mmu/phys_pages.h"

namespace twin86 {

enum class Access : u8 { kRead, kWrite, kExecute };

/// Everything of the processor's state that a walk depends on.
struct PagingContext {
    u64 cr0 = 0, cr3 = 0, cr4 = 0, efer = 0;
    bool user = false;          ///< the access counts as a user-mode access (CPL 3, not an implicit supervisor access)
    bool smap_override = false; ///< EFLAGS.AC: explicit supervisor accesses to user pages are allowed under SMAP
    u8 physical_bits = 40;      ///< MAXPHYADDR: address bits from here on are reserved (CPUID 0x80000008)
    bool gib_pages = true;      ///< CPUID offers 1 GiB pages; otherwise PS is reserved in a PDPTE
};

/// Reads and updates paging structures in guest RAM. Entries outside RAM and ROM read as not present; updates of
/// entries in ROM are dropped, as the bus would.
class PagingMemory {
  public:
    static constexpr Gpa kNone = ~Gpa{0};

    TWIN86_LEAF_INLINE explicit PagingMemory(const PhysPages& pages) : pages_(pages) {}

    TWIN86_LEAF_INLINE const PhysPages& pages() const { return pages_; }

    /// `address` is aligned to the size of T.
    template <class T>
    TWIN86_LEAF_INLINE T read(Gpa address) const {
        const u64 entry = pages_.entry(address & pages_.driven);
        if (page_is_mmio(entry)) [[unlikely]] return 0;
        return __atomic_load_n(reinterpret_cast<T*>(page_host(entry) + address % kPageSize), __ATOMIC_RELAXED);
    }

    /// Replaces the entry if it still holds `expected`; false when another processor changed it meanwhile.
    template <class T>
    TWIN86_LEAF_INLINE bool compare_exchange(Gpa address, T expected, T desired) {
        address &= pages_.driven;
        const u64 entry = pages_.entry(address);
        if (!page_is_ram(entry)) return true;
        T* const at = reinterpret_cast<T*>(page_host(entry) + address % kPageSize);
        if (!__atomic_compare_exchange_n(at, &expected, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) return false;
        pages_.mark_dirty(address, entry);
        if ((entry & kPageHasCode) != 0) code_touched_ = address;
        return true;
    }

    /// An entry that was updated in a page with translated code, or kNone: the caller reports it (PhysMap::written).
    TWIN86_LEAF_INLINE Gpa code_touched() const { return code_touched_; }

  private:
    const PhysPages& pages_;
    Gpa code_touched_ = kNone;
};

/// A successful translation of one page.
struct Translation {
    Gpa physical = 0;      ///< of the address that was translated, as it appears on the bus (PhysPages::driven)
    u64 page_size = 4096;  ///< of the mapping: 4 KiB, 2 MiB, 4 MiB or 1 GiB (no paging, no A20: 4 KiB)
    bool readable = false; ///< a read with the same rights would succeed (SMAP can forbid it to a fetch)
    bool writable = false; ///< a write with the same rights would succeed without changing the dirty bit
    bool user = false;     ///< U/S of the combined entries
    bool global = false;
    bool executable = false;
    bool accessed = false; ///< the accessed bits of all entries are set
};

/// Result of a walk: a translation, or the #PF error code.
struct WalkResult {
    bool ok = false;
    u32 error_code = 0;  ///< PageFaultBit combination, when !ok
    Translation page;
};

/// Translates for an access: checks rights, sets accessed and dirty bits when it succeeds. In 64-bit mode `address` is
/// canonical (the caller checks), in other modes below 4 GiB.
WalkResult translate(const PagingContext& context, PagingMemory& memory, Gva address, Access access);

/// Where `address` is mapped, whatever the rights, without side effects. A failure carries no meaningful error code.
WalkResult peek(const PagingContext& context, const PhysPages& pages, Gva address);

/// Whether PAE paging may be entered with the pointers (PDPTEs) at context.cr3: SDM vol. 3, 4.4.1.
bool valid_pae_pointers(const PagingContext& context, const PagingMemory& memory);

/// Whether an address is canonical for 4-level or, with CR4.LA57, 5-level paging.
TWIN86_LEAF_INLINE bool is_canonical(Gva address, u64 cr4) {
    const unsigned unused = (cr4 & (u64{1} << 12)) != 0 ? 64 - 57 : 64 - 48;
    return static_cast<Gva>(static_cast<i64>(address << unused) >> unused) == address;
}

}  // namespace twin86
