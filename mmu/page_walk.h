// The page walk: one pure function for the translator's fill path, the debugger, the monitor and tests.
//
// SDM vol. 3, chapter 4. Two entry points: translate sets accessed/dirty bits and reports faults, peek has no effect.
#pragma once

#include "base/types.h"

namespace twin86 {

enum class Access : u8 { kRead, kWrite, kExecute };

/// Everything of the processor's state that a walk depends on.
struct PagingContext {
    u64 cr0 = 0, cr3 = 0, cr4 = 0, efer = 0;
    bool user = false;          ///< the access counts as a user-mode access (CPL 3, not an implicit supervisor access)
    bool smap_override = false; ///< EFLAGS.AC: explicit supervisor accesses to user pages are allowed under SMAP
};

/// Reads and updates paging structures in guest RAM. Entries outside RAM read as not present.
class PagingMemory;

/// A successful translation of one page.
struct Translation {
    Gpa physical = 0;      ///< of the address that was translated
    u64 page_size = 4096;  ///< of the mapping: 4 KiB, 2 MiB, 4 MiB or 1 GiB (no paging: 4 KiB)
    bool writable = false; ///< a write with the same rights would succeed without changing the dirty bit
    bool user = false;     ///< U/S of the combined entries
    bool global = false;
    bool executable = false;
};

/// Result of a walk: a translation, or the #PF error code.
struct WalkResult {
    bool ok = false;
    u32 error_code = 0;  ///< PageFaultBit combination, when !ok
    Translation page;
};

}  // namespace twin86
