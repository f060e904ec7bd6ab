// Accesses to plain memory that no entry of the TLB can express: over a page border, and writes to pages that hold
// code, but none where they write. As on the slow path the instruction runs on the bounce buffer, without leaving
// emitted code.
#include "accel/jit/leaf/bounce.h"

#include "accel/jit/leaf/tlb_fill.h"

namespace twin86::jit {

namespace {

/// Aligned words stay whole for other processors.
TWIN86_LEAF_INLINE void copy(u64 to, u64 from, u32 size) {
    if ((to | from | size) % sizeof(u64) == 0) {
        for (u32 n = 0; n < size / sizeof(u64); ++n)
            reinterpret_cast<volatile u64*>(to)[n] = reinterpret_cast<volatile const u64*>(from)[n];
        return;
    }
    if ((to | from | size) % sizeof(u32) == 0) {
        for (u32 n = 0; n < size / sizeof(u32); ++n)
            reinterpret_cast<volatile u32*>(to)[n] = reinterpret_cast<volatile const u32*>(from)[n];
        return;
    }
    for (u32 n = 0; n < size; ++n)
        reinterpret_cast<volatile u8*>(to)[n] = reinterpret_cast<volatile const u8*>(from)[n];
}

/// Host address of a write to RAM that holds code, but none where it writes; else 0.
TWIN86_LEAF_INLINE u64 beside_code(JitFrame& f, Gva address, u32 size, u8 view) {
    PagingMemory memory(*f.phys);
    const WalkResult walk = paging::translate(paging_context(f, view == kViewUser, view == kViewSupervisorAc), memory, address, Access::kWrite);
    if (!walk.ok || memory.code_touched() != PagingMemory::kNone) return 0;
    const Gpa at = walk.page.physical;
    const u64 entry = f.phys->entry(at);
    if (!page_is_ram(entry) || !f.code_lines.write_beside(at, size)) return 0;
    f.phys->mark_dirty(at, entry);
    return reinterpret_cast<u64>(page_host(entry)) + at % kPageSize;
}

/// Adds what lies within one page. False: a fault, a device, code, or a data breakpoint.
TWIN86_LEAF_INLINE bool add_piece(JitFrame& f, Gva address, u32 size, u8 kind, u8 view) {
    u64 host = host_of(f, address, kind, view);
    if (host == 0 && (kind & kAccessWrite) && f.watched_data == 0 && is_canonical(address, f.cpu.cr4))
        host = beside_code(f, address, size, view);
    if (host == 0) return false;
    f.leaf_bounce.piece[f.leaf_bounce.count++] = {host, size};
    return true;
}

/// What only the slow path knows: which bytes a mask leaves out, and where an operand outside of 64-bit mode ends.
TWIN86_LEAF_INLINE bool for_slow_path(const JitFrame& f, Gva address, AccessMeta meta) {
    const bool misaligned = (meta.view & kAccessAligned) && address % meta.size != 0;
    const bool wraps = !f.cpu.mode64() && address + meta.size > (u64{1} << 32);
    return (meta.view & kAccessMasked) || misaligned || wraps;
}

}  // namespace

u64 leaf_bounce(JitFrame& f, Gva address, AccessMeta meta) {
    if (for_slow_path(f, address, meta)) return kLeafMore;
    LeafBounce& b = f.leaf_bounce;
    b.count = 0;
    const u8 view = meta.view & 3;
    const u64 left = kPageSize - address % kPageSize;
    const u32 first = static_cast<u32>(left < meta.size ? left : meta.size);
    if (!add_piece(f, address, first, meta.access, view)) return kLeafMore;
    if (first < meta.size && !add_piece(f, address + first, meta.size - first, meta.access, view)) return kLeafMore;
    u64 to = reinterpret_cast<u64>(f.bounce.data) + (address & 63);
    f.address = b.start = to;
    for (u32 n = 0; n < b.count; ++n) {
        copy(to, b.piece[n].host, b.piece[n].size);
        to += b.piece[n].size;
    }
    b.to_commit = (meta.access & kAccessWrite) != 0;
    return kLeafHere;
}

extern "C" void twin86_leaf_commit(JitFrame* frame) {
    LeafBounce& b = frame->leaf_bounce;
    u64 from = b.start;
    for (u32 n = 0; n < b.count; ++n) {
        copy(b.piece[n].host, from, b.piece[n].size);
        from += b.piece[n].size;
    }
    b.to_commit = 0;
}

}  // namespace twin86::jit
