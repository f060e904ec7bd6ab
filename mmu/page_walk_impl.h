// The walk behind mmu/page_walk.h, as code that leaf helpers can inline: general registers only, calls nothing.
//
// SDM vol. 3: 4.3 (32-bit), 4.4 (PAE), 4.5 (4- and 5-level), 4.6 (access rights), 4.7 (error codes), 4.8 (A and D).
// PDPTEs of PAE paging are read at walk time (AMD64 APM vol. 2, 15.25.10 allows it). Accessed bits are set once the
// access is known to succeed; until then nothing is written.
#pragma once

#include "mmu/page_walk.h"

namespace twin86::paging {

// The few register bits that matter here; this folder stands below cpu/.
constexpr u64 kCr0Wp = u64{1} << 16, kCr0Pg = u64{1} << 31;
constexpr u64 kCr4Pse = 1 << 4, kCr4Pae = 1 << 5, kCr4Pge = 1 << 7, kCr4La57 = 1 << 12, kCr4Smep = 1 << 20, kCr4Smap = 1 << 21;
constexpr u64 kEferLma = 1 << 10, kEferNxe = 1 << 11;

enum Entry : u64 {
    kP = 1 << 0,
    kRW = 1 << 1,
    kUS = 1 << 2,
    kA = 1 << 5,
    kD = 1 << 6,
    kPS = 1 << 7,
    kG = 1 << 8,
    kXD = u64{1} << 63,
};

enum ErrorBit : u32 { kErrorP = 1, kErrorW = 2, kErrorU = 4, kErrorRsvd = 8, kErrorI = 16 };

constexpr u64 kAddress = 0x000f'ffff'ffff'f000;

TWIN86_LEAF_INLINE constexpr u64 ones(unsigned hi, unsigned lo) { return ((u64{1} << (hi - lo + 1)) - 1) << lo; }

/// What all entries of a walk say together, and where they were.
struct Path {
    u64 allow = kRW | kUS;  ///< AND of the R/W and U/S bits
    u64 deny = 0;           ///< OR of the XD bits
    u64 seen = kA;          ///< AND of the accessed bits
    u64 leaf = 0;
    u64 leaf_address_bits = 0;  ///< physical address of the page
    u64 page_size = kPageSize;
    u32 fault = 0;          ///< error code bits P and RSVD; meaningful with failed
    bool failed = false;
    unsigned depth = 0;
    Gpa slots[5];           ///< addresses of the entries, root first
    u64 entries[5];
};

TWIN86_LEAF_INLINE bool execute_disable(const PagingContext& c) { return (c.efer & kEferNxe) != 0 && (c.cr4 & kCr4Pae) != 0; }

/// Records an entry; false ends the walk: not present or a reserved bit.
TWIN86_LEAF_INLINE bool step(Path& path, Gpa slot, u64 entry, u64 reserved) {
    path.slots[path.depth] = slot;
    path.entries[path.depth++] = entry;
    path.leaf = entry;
    if ((entry & kP) != 0 && (entry & reserved) == 0) [[likely]] return true;
    path.failed = true;
    path.fault = (entry & kP) != 0 ? kErrorP | kErrorRsvd : 0;
    return false;
}

TWIN86_LEAF_INLINE void combine(Path& path, u64 entry) {
    path.allow &= entry;
    path.deny |= entry & kXD;
    path.seen &= entry;
}

/// A leaf that maps `size` bytes; `base_bits` of the entry are the page's address.
TWIN86_LEAF_INLINE void finish(Path& path, u64 entry, u64 size) {
    path.page_size = size;
    path.leaf_address_bits = entry & kAddress & ~(size - 1);
}

/// Tables of 512 8-byte entries from `levels` down to 1; 4- and 5-level paging, and PAE below its PDPTEs.
TWIN86_LEAF_INLINE void walk_64(const PagingContext& c, const PagingMemory& m, Gva va, u64 table, unsigned levels, u64 reserved, Path& path) {
    for (unsigned level = levels;; --level) {
        const unsigned shift = 12 + 9 * (level - 1);
        const Gpa slot = table + ((va >> shift) & 511) * 8;
        const u64 entry = m.read<u64>(slot);
        u64 level_reserved = reserved;
        const bool may_be_leaf = level == 2 || (level == 3 && c.gib_pages);
        if (level >= 3 && !may_be_leaf) level_reserved |= kPS;
        const bool leaf = level == 1 || (may_be_leaf && (entry & kPS) != 0);
        if (leaf && level > 1) level_reserved |= ones(shift - 1, 13);  // bit 12 is PAT
        if (!step(path, slot, entry, level_reserved)) return;
        combine(path, entry);
        if (leaf) return finish(path, entry, u64{1} << shift);
        table = entry & kAddress;
    }
}

/// Address bits from MAXPHYADDR on.
TWIN86_LEAF_INLINE u64 beyond_physical(const PagingContext& c) { return kAddress & ~((u64{1} << c.physical_bits) - 1); }

/// Bits that a present PDPTE of PAE paging must not have, beside the `reserved` address bits: SDM vol. 3, table 4-8.
TWIN86_LEAF_INLINE bool valid_pdpte(u64 pdpte, u64 reserved) {
    return (pdpte & kP) == 0 || (pdpte & (reserved | kXD | ones(8, 5) | ones(2, 1))) == 0;
}

TWIN86_LEAF_INLINE Gpa pdpte_slot(const PagingContext& c, u64 n) { return (c.cr3 & 0xffff'ffe0) + n * 8; }

TWIN86_LEAF_INLINE void walk_pae(const PagingContext& c, const PagingMemory& m, Gva va, u64 reserved, Path& path) {
    const u64 pdpte = m.read<u64>(pdpte_slot(c, (va >> 30) & 3));
    if ((pdpte & kP) == 0 || !valid_pdpte(pdpte, reserved)) {
        path.failed = true;
        path.fault = (pdpte & kP) != 0 ? kErrorP | kErrorRsvd : 0;
        return;
    }
    // A PDPTE has neither rights nor an accessed bit: it is not part of the path.
    walk_64(c, m, va, pdpte & kAddress, 2, reserved, path);
}

TWIN86_LEAF_INLINE void walk_32(const PagingContext& c, const PagingMemory& m, Gva va, Path& path) {
    const Gpa pde_slot = (c.cr3 & 0xffff'f000) + ((va >> 22) & 1023) * 4;
    const u64 pde = m.read<u32>(pde_slot);
    const bool large = (pde & kPS) != 0 && (c.cr4 & kCr4Pse) != 0;
    u64 reserved = 0;
    if (large) {
        // PSE-36: bits 20:13 are address bits 39:32, of which those beyond MAXPHYADDR are reserved; so is bit 21.
        const unsigned extra = c.physical_bits >= 40 ? 8 : c.physical_bits > 32 ? c.physical_bits - 32 : 0;
        reserved = ones(21, 13 + extra);
    }
    if (!step(path, pde_slot, pde, reserved)) return;
    combine(path, pde);
    if (large) {
        path.page_size = u64{4} << 20;
        path.leaf_address_bits = (pde & 0xffc0'0000) | (pde >> 13 & 0xff) << 32;
        return;
    }
    const Gpa pte_slot = (pde & 0xffff'f000) + ((va >> 12) & 1023) * 4;
    const u64 pte = m.read<u32>(pte_slot);
    if (!step(path, pte_slot, pte, 0)) return;
    combine(path, pte);
    path.leaf_address_bits = pte & 0xffff'f000;
}

TWIN86_LEAF_INLINE void walk(const PagingContext& c, const PagingMemory& m, Gva va, Path& path) {
    if ((c.cr4 & kCr4Pae) == 0) return walk_32(c, m, va, path);
    const u64 reserved = beyond_physical(c) | (execute_disable(c) ? 0 : u64{kXD});
    if ((c.efer & kEferLma) == 0) return walk_pae(c, m, va, reserved | ones(62, 52), path);
    walk_64(c, m, va, c.cr3 & kAddress, (c.cr4 & kCr4La57) != 0 ? 5 : 4, reserved, path);
}

struct Rights {
    bool read, write, execute;
};

/// SDM vol. 3, 4.6.1.
TWIN86_LEAF_INLINE Rights rights(const PagingContext& c, const Path& path) {
    const bool user_page = (path.allow & kUS) != 0;
    const bool rw = (path.allow & kRW) != 0;
    const bool no_execute = path.deny != 0 && execute_disable(c);
    if (c.user) return {user_page, user_page && rw, user_page && !no_execute};
    const bool data = !user_page || (c.cr4 & kCr4Smap) == 0 || c.smap_override;
    return {data, data && (rw || (c.cr0 & kCr0Wp) == 0), !no_execute && !(user_page && (c.cr4 & kCr4Smep) != 0)};
}

/// Sets A in every entry of the path, and D in the leaf when asked; false: an entry changed meanwhile.
template <class T>
TWIN86_LEAF_INLINE bool set_accessed(PagingMemory& m, const Path& path, bool dirty) {
    for (unsigned i = 0; i < path.depth; ++i) {
        const u64 entry = path.entries[i];
        const u64 wanted = entry | kA | (dirty && i + 1 == path.depth ? u64{kD} : 0);
        if (wanted == entry) [[likely]] continue;
        if (!m.compare_exchange<T>(path.slots[i], static_cast<T>(entry), static_cast<T>(wanted))) return false;
    }
    return true;
}

TWIN86_LEAF_INLINE u32 access_bits(const PagingContext& c, Access access) {
    const bool reports_fetch = execute_disable(c) || (c.cr4 & kCr4Smep) != 0;
    u32 code = 0;
    if (access == Access::kWrite) code |= kErrorW;
    if (c.user) code |= kErrorU;
    if (access == Access::kExecute && reports_fetch) code |= kErrorI;
    return code;
}

TWIN86_LEAF_INLINE WalkResult failure(u32 error_code) {
    WalkResult r;
    r.error_code = error_code;
    return r;
}

TWIN86_LEAF_INLINE WalkResult success(const PagingContext& c, const Path& path, Gva va, const Rights& rights, bool dirty) {
    WalkResult r;
    r.ok = true;
    r.page.physical = path.leaf_address_bits | (va & (path.page_size - 1));
    r.page.page_size = path.page_size;
    r.page.readable = rights.read;
    r.page.writable = rights.write && dirty;
    r.page.executable = rights.execute;
    r.page.accessed = path.seen != 0;
    r.page.user = (path.allow & kUS) != 0;
    r.page.global = (path.leaf & kG) != 0 && (c.cr4 & kCr4Pge) != 0;
    return r;
}

TWIN86_LEAF_INLINE WalkResult identity(Gva va) {
    WalkResult r;
    r.ok = true;
    r.page = {va, kPageSize, true, true, true, false, true, true};
    return r;
}

/// A20M# changes addresses behind segments and paging; what it is for: SDM vol. 3, 21.1.1.
TWIN86_LEAF_INLINE WalkResult on_bus(WalkResult r, const PhysPages& pages) {
    if (pages.driven == ~u64{0}) [[likely]] return r;
    r.page.physical &= pages.driven;
    r.page.page_size = kPageSize;  // what lies together in a large page does not on the bus
    return r;
}

/// See translate() in mmu/page_walk.h.
static inline WalkResult translate(const PagingContext& c, PagingMemory& m, Gva va, Access access) {
    if ((c.cr0 & kCr0Pg) == 0) return on_bus(identity(va), m.pages());
    for (;;) {
        Path path;
        walk(c, m, va, path);
        if (path.failed) return failure(path.fault | access_bits(c, access));
        const Rights r = rights(c, path);
        const bool allowed = access == Access::kRead ? r.read : access == Access::kWrite ? r.write : r.execute;
        if (!allowed) return failure(kErrorP | access_bits(c, access));
        const bool write = access == Access::kWrite;
        const bool settled = (c.cr4 & kCr4Pae) != 0 ? set_accessed<u64>(m, path, write) : set_accessed<u32>(m, path, write);
        if (!settled) [[unlikely]] continue;
        return on_bus(success(c, path, va, r, write || (path.leaf & kD) != 0), m.pages());
    }
}

/// See peek() in mmu/page_walk.h.
static inline WalkResult peek(const PagingContext& c, const PhysPages& pages, Gva va) {
    if ((c.cr0 & kCr0Pg) == 0) return on_bus(identity(va), pages);
    Path path;
    walk(c, PagingMemory(pages), va, path);
    if (path.failed) return failure(path.fault);
    return on_bus(success(c, path, va, rights(c, path), (path.leaf & kD) != 0), pages);
}

}  // namespace twin86::paging
