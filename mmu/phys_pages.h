// PhysPages: what lies behind each guest page frame, in one atomic 64-bit word per 4 KiB page.
//
// The single source of truth for RAM, ROM and MMIO; PhysMap owns and fills the table. This header is for leaf helpers
// too: compiled with -mgeneral-regs-only, calls nothing, and everything is forced inline so that the linker cannot
// merge in a copy from a translation unit with vector code.
#pragma once

#include "base/types.h"
#include "mmu/ram_granules.h"

#define TWIN86_LEAF_INLINE [[gnu::always_inline]] inline

namespace twin86 {

/// Low bits of a page entry; the bits above 11 are the host address of the page.
enum PageFlag : u64 {
    kPageReadable = 1 << 0,      ///< there is host memory: RAM or ROM. Otherwise accesses go to the MMIO bus
    kPageWritable = 1 << 1,      ///< writes reach it: RAM. Otherwise they are dropped or trap
    kPageHasCode = 1 << 2,       ///< translations were made from it: writes must be reported before they count as done
    kPageDirtyDisplay = 1 << 3,  ///< written since the display looked last
    kPageDirtySave = 1 << 4,     ///< written since the snapshot or migration looked last
    kPageWritesTrap = 1 << 5,    ///< not writable, and writes go to the MMIO bus instead of nowhere: flash
    kPageDirtyCompare = 1 << 6,  ///< written since two engines' memories were made equal (accel/lockstep)
    kPageDirtyAll = kPageDirtyDisplay | kPageDirtySave | kPageDirtyCompare,
    kPageFlagMask = 0xfff,
};

TWIN86_LEAF_INLINE bool page_is_ram(u64 entry) { return (entry & kPageWritable) != 0; }
TWIN86_LEAF_INLINE bool page_is_rom(u64 entry) { return (entry & (kPageReadable | kPageWritable)) == kPageReadable; }
TWIN86_LEAF_INLINE bool page_is_mmio(u64 entry) { return (entry & kPageReadable) == 0; }
/// Writes are accesses to a device.
TWIN86_LEAF_INLINE bool page_writes_trap(u64 entry) {
    return page_is_mmio(entry) || (entry & kPageWritesTrap) != 0;
}
TWIN86_LEAF_INLINE Hva page_host(u64 entry) { return reinterpret_cast<Hva>(entry & ~u64{kPageFlagMask}); }
/// Writes may go straight to host memory, now and until a listener is told otherwise: what a TLB's write tag needs.
TWIN86_LEAF_INLINE bool page_writes_are_direct(u64 entry) {
    return (entry & (kPageWritable | kPageHasCode | kPageDirtyAll)) == (kPageWritable | kPageDirtyAll);
}

struct PhysPages {
    u64* entries = nullptr;
    u64 count = 0;  ///< number of entries; pages beyond are MMIO
    RamGranules ram;
    u64 driven = ~u64{0};  ///< address lines that processors drive: without bit 20 while A20M# is asserted

    TWIN86_LEAF_INLINE u64 entry(Gpa address) const {
        const u64 page = address / kPageSize;
        return page < count ? __atomic_load_n(&entries[page], __ATOMIC_ACQUIRE) : 0;
    }
    /// Host address of the page that contains `address`, when it is RAM; else null.
    TWIN86_LEAF_INLINE Hva ram_page(Gpa address) const {
        const u64 e = entry(address);
        return page_is_ram(e) ? page_host(e) : nullptr;
    }
    /// Sets flags of a page inside the table and returns the entry as it was.
    TWIN86_LEAF_INLINE u64 set_flags(Gpa address, u64 flags) const {
        return __atomic_fetch_or(&entries[address / kPageSize], flags, __ATOMIC_SEQ_CST);
    }
    TWIN86_LEAF_INLINE u64 clear_flags(Gpa address, u64 flags) const {
        return __atomic_fetch_and(&entries[address / kPageSize], ~flags, __ATOMIC_SEQ_CST);
    }
    /// Records a write to a RAM page whose entry was just read as `entry`.
    TWIN86_LEAF_INLINE void mark_dirty(Gpa address, u64 entry) const {
        if ((entry & kPageDirtyAll) != kPageDirtyAll) set_flags(address, kPageDirtyAll);
    }
};

}  // namespace twin86
