// The soft TLB: direct-mapped, probed inline by emitted code (emit_mem.cpp), filled by a leaf helper.
//
// One entry serves reads and writes with separate tags. Tags are stored negated so that `EA + tag` is the offset in the
// page on a hit; a page-crossing access fails the same unsigned compare.
#pragma once

#include "base/types.h"

namespace twin86::jit {

constexpr unsigned kTlbBits = 12;
constexpr unsigned kTlbEntries = 1u << kTlbBits;

struct TlbEntry {
    u64 read_tag;   ///< -(page address), or invalid_tag()
    u64 write_tag;  ///< the same for writes: set only for dirty, writable RAM pages without translated code
    u64 host;       ///< host address of the page
    u64 delta;      ///< host - page address
};
static_assert(sizeof(TlbEntry) == 32);

/// The rights under which an access is made. SDM vol. 3, 4.6.
enum TlbView : u8 {
    kViewUser = 0,           ///< CPL 3
    kViewSupervisor = 1,     ///< CPL < 3, SMAP in force
    kViewSupervisorAc = 2,   ///< CPL < 3, user pages allowed (no SMAP, or EFLAGS.AC)
    kViews = 3,
};

constexpr unsigned tlb_index(Gva address) { return (address >> 12) & (kTlbEntries - 1); }

/// A tag that no address with this index can hit, not even with a size added: its index differs in the top bit.
constexpr u64 invalid_tag(unsigned index) { return -(static_cast<u64>(index ^ (kTlbEntries / 2)) << 12); }

struct TlbTable {
    TlbEntry entries[kTlbEntries];
};

inline void tlb_clear_entry(TlbEntry& e, unsigned index) { e = {invalid_tag(index), invalid_tag(index), 0, 0}; }

inline void tlb_clear(TlbTable& t) {
    for (unsigned i = 0; i < kTlbEntries; ++i) tlb_clear_entry(t.entries[i], i);
}

}  // namespace twin86::jit
