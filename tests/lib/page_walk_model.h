// An independent description of x86 address translation, written for clarity: the page walk is compared with it.
#pragma once

#include <optional>
#include <vector>

#include "mmu/page_walk.h"

namespace twin86::model {

/// One level of a walk as the manual describes it.
struct Level {
    u64 entry = 0;
    u64 reserved = 0;      ///< mask of bits that must be 0
    bool has_rights = true;  ///< PDPTEs of PAE paging have none
};

struct Access3 {
    bool user, write, fetch;
};

struct Mode {
    bool wp, smep, smap, ac, nxe, pae;
};

/// The #PF error code, or nothing when the access is allowed. `levels` from the root to the leaf.
inline std::optional<u32> fault(const std::vector<Level>& levels, const Mode& mode, const Access3& access) {
    u32 code = (access.write ? 2u : 0u) | (access.user ? 4u : 0u);
    const bool nx_in_force = mode.nxe && mode.pae;
    if (access.fetch && (nx_in_force || mode.smep)) code |= 16;

    bool user_page = true, writable = true, executable = true;
    for (const Level& level : levels) {
        if (!(level.entry & 1)) return code;
        if (level.entry & level.reserved) return code | 1 | 8;
        if (!level.has_rights) continue;
        if (!(level.entry & 2)) writable = false;
        if (!(level.entry & 4)) user_page = false;
        if (nx_in_force && level.entry >> 63) executable = false;
    }
    bool allowed;
    if (access.user) {
        allowed = user_page && (!access.write || writable) && (!access.fetch || executable);
    } else if (access.fetch) {
        allowed = executable && !(mode.smep && user_page);
    } else {
        allowed = !(mode.smap && user_page && !mode.ac);
        if (access.write && !writable && mode.wp) allowed = false;
    }
    if (allowed) return std::nullopt;
    return code | 1;
}

}  // namespace twin86::model
