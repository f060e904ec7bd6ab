// What leaf helpers share: linear addresses, and the TLB. Everything is inlined into code without vector instructions.
#pragma once

#include "accel/jit/frame.h"
#include "cpu/decode/insn.h"
#include "mmu/page_walk_impl.h"
#include "mmu/phys_pages.h"

namespace twin86::jit {

/// The current walk's context; `ac`: user pages may be accessed in spite of SMAP.
TWIN86_LEAF_INLINE PagingContext paging_context(const JitFrame& f, bool user, bool ac) {
    const CpuState& s = f.cpu;
    PagingContext c;
    c.cr0 = s.cr0;
    c.cr3 = s.cr3;
    c.cr4 = s.cr4;
    c.efer = s.efer;
    c.user = user;
    c.smap_override = ac;
    c.physical_bits = f.physical_bits;
    c.gib_pages = f.gib_pages;
    return c;
}

/// Remembers that the entry must go at the next address-space switch.
TWIN86_LEAF_INLINE void note_non_global(JitFrame& f, u8 view, unsigned index) {
    if (f.tlb_used_count[view] < kTlbEntries) f.tlb_used[view][f.tlb_used_count[view]++] = static_cast<u16>(index);
    else f.tlb_used_count[view] = kTlbEntries + 1;  // overflow: the whole view is cleared
}

/// Whether this entry lets writes through to a host page that belongs to the slot.
TWIN86_LEAF_INLINE bool writes_through(const JitFrame& f, u16 id, unsigned slot) {
    const unsigned index = id & (kTlbEntries - 1);
    const TlbEntry& e = f.tlb[id >> kTlbBits].entries[index];
    return e.write_tag != invalid_tag(index) && writable_slot(e.host) == slot;
}

/// Lists an entry that has got a write tag, for whoever must take it back.
TWIN86_LEAF_INLINE void note_writable(JitFrame& f, unsigned view, unsigned index) {
    const u16 id = static_cast<u16>(view << kTlbBits | index);
    const unsigned slot = writable_slot(f.tlb[view].entries[index].host);
    u16* const listed = f.writable[slot];
    if (listed[0] == JitFrame::kManyWritable) return;
    for (unsigned way = 0; way < kWritableWays; ++way) {
        const bool free = listed[way] == JitFrame::kNoWritable || listed[way] == id || !writes_through(f, listed[way], slot);
        if (free) return (void)(listed[way] = id);
    }
    listed[0] = JitFrame::kManyWritable;
}

/// Walks for one access and enters the page into the view's table. False: fault, MMIO, or a write that must be seen.
TWIN86_LEAF_INLINE bool fill(JitFrame& f, Gva address, u8 kind, u8 view) {
    const CpuState& s = f.cpu;
    if ((s.efer & kEferLMA) && !is_canonical(address, s.cr4)) return false;
    if (f.watched_data != 0) [[unlikely]]
        for (const Gva page : f.watched_page)
            if (page == (address & kPageMask)) return false;
    const bool write = kind & kAccessWrite;
    PagingMemory memory(*f.phys);
    const PagingContext context = paging_context(f, view == kViewUser, view == kViewSupervisorAc);
    const WalkResult walk = paging::translate(context, memory, address, write ? Access::kWrite : Access::kRead);
    if (!walk.ok || memory.code_touched() != PagingMemory::kNone) return false;
    const Gpa page = walk.page.physical & kPageMask;
    u64 entry = f.phys->entry(page);
    if (page_is_mmio(entry)) return false;
    if (write) {
        if (!page_is_ram(entry) || (entry & kPageHasCode)) return false;
        f.phys->mark_dirty(page, entry);
        entry = f.phys->entry(page);
    }
    const unsigned index = tlb_index(address);
    const Gva va = address & kPageMask;
    TlbEntry& e = f.tlb[view].entries[index];
    const u64 old_write = e.write_tag;
    const Hva memory_at = page_host(entry);
    f.phys->ram.touch(memory_at);
    const u64 host = reinterpret_cast<u64>(memory_at);
    if (view == kViewUser && e.read_tag == invalid_tag(index)) ++f.user_pages;
    const bool same = e.read_tag == -va && e.host == host;
    e.read_tag = -va;
    e.write_tag = write ? -va : same ? old_write : invalid_tag(index);
    e.host = host;
    e.delta = e.host - va;
    if (write) note_writable(f, view, index);
    ++f.tlb_fills;
    if (!walk.page.global || !(s.cr4 & kCr4PGE)) note_non_global(f, view, index);
    return true;
}

/// Linear address of an offset in a segment that has no limit, or whose limit is known to be kept.
TWIN86_LEAF_INLINE Gva linear(const JitFrame& f, u64 offset, unsigned segment) {
    const CpuState& s = f.cpu;
    const u64 base = s.segment[segment].base;
    if (s.mode64()) return segment >= kFs ? offset + base : offset;
    return (offset + base) & 0xffffffff;
}

/// Host address of guest byte `va`, through the TLB; 0 when the slow path must do it.
TWIN86_LEAF_INLINE u64 host_of(JitFrame& f, Gva va, u8 kind, u8 view) {
    TlbEntry& e = f.tlb[view].entries[tlb_index(va)];
    const u64 tag = kind & kAccessWrite ? e.write_tag : e.read_tag;
    if (va + tag >= kPageSize && !fill(f, va, kind, view)) return 0;
    return va + e.delta;
}

}  // namespace twin86::jit
