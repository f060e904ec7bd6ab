// CodeIndex: user code by the page of code it begins in, whatever address spaces have that page where. A process that runs
// what others have run finds it here, once it knows where the page lies (JumpTable::less_place).
#pragma once

#include "accel/jit/code_pages.h"
#include "accel/jit/mode.h"
#include "mmu/phys_pages.h"

namespace twin86::jit {

struct CodeIndex {
    struct Entry {
        u64 place;       ///< number of the page and offset in it; 0: nothing
        u64 mode;        ///< Mode::value
        const u8* host;  ///< the code, which expects the RIP in rbp
    };
    static constexpr unsigned kBits = 16, kHints = 4096;

    Entry entries[1u << kBits];
    u16 hints[kHints];  ///< by address of a page: the number that lay there lately in some address space

    TWIN86_LEAF_INLINE static u64 place_of(u16 number, u64 rip) { return u64{number} << 12 | (rip & 0xfff); }
    TWIN86_LEAF_INLINE u16& hint(u64 rip) { return hints[(rip >> 12) % kHints]; }
    /// The first of two entries that a place may have.
    TWIN86_LEAF_INLINE Entry* pair(u64 place, Mode mode) {
        return entries + ((place ^ mode.value << 27) * 0x9e37'79b9'7f4a'7c15 >> (65 - kBits)) * 2;
    }

    TWIN86_LEAF_INLINE void set(u16 number, u64 rip, Mode mode, const u8* host) {
        const u64 place = place_of(number, rip);
        hint(rip) = number;
        Entry* const e = pair(place, mode);
        if (e->place != place || e->mode != mode.value) e[1] = e[0];
        *e = {place, mode.value, host};
    }
    /// What begins at `rip` in this page, or null.
    TWIN86_LEAF_INLINE const u8* find(u16 number, u64 rip, Mode mode) {
        const u64 place = place_of(number, rip);
        const Entry* e = pair(place, mode);
        if (e->place != place || e->mode != mode.value) ++e;
        return e->place == place && e->mode == mode.value ? e->host : nullptr;
    }
};

}  // namespace twin86::jit
