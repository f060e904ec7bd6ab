// CodeLines: which 64-byte lines of guest physical memory translations were made from, page by page. A write to a page
// with code that touches none of them needs no look at the translations.
#pragma once

#include "mmu/phys_pages.h"

namespace twin86::jit {

/// What writes to one page of guest physical memory must know.
struct PageLines {
    u64 lines;   ///< with code, by bits 11:6 of the address
    u64 writes;  ///< into the page since something in it was translated
};

struct CodeLines {
    static constexpr unsigned kLineShift = 6;
    static_assert(kPageSize >> kLineShift == 64);
    /// So many writes in turn and a page is being filled anew: it loses its code, so that the rest of them is fast.
    static constexpr u64 kWritesBeforeGivingUp = 16;

    PageLines* pages = nullptr;  ///< as many as PhysPages has

    TWIN86_LEAF_INLINE PageLines& page(Gpa address) const { return pages[address / kPageSize]; }
    /// The lines of [address, +size), which lies within one page and is not empty.
    TWIN86_LEAF_INLINE static u64 lines_of(Gpa address, u64 size) {
        const u64 first = (address % kPageSize) >> kLineShift, last = ((address + size - 1) % kPageSize) >> kLineShift;
        return (~u64{0} >> (63 - (last - first))) << first;
    }
    /// Counts a write. True: the translations have nothing to do with it. Without pages nothing is known about them.
    TWIN86_LEAF_INLINE bool write_beside(Gpa address, u64 size) const {
        if (pages == nullptr) return false;
        PageLines& p = page(address);
        return (p.lines & lines_of(address, size)) == 0 && ++p.writes < kWritesBeforeGivingUp;
    }
};

}  // namespace twin86::jit
