// What the engine remembers of address translation, and when it forgets: the soft TLB, the fetch TLB; jumps and
// links between pages: jumps.cpp. SDM vol. 3, 4.10.
#include "accel/jit/jit_vcpu.h"

#include <algorithm>

#include "accel/jit/leaf/leaf.h"
#include "accel/jit/leaf/mode_now.h"
#include "accel/jit/leaf/tlb_fill.h"

namespace twin86::jit {

namespace {
constexpr u64 kUpperHalf = u64{1} << 63;  ///< canonical addresses of the kernel half
}

// --- instruction fetch ---------------------------------------------------------------------------------------------

Outcome JitVcpu::fetch_page(Gva linear, Gpa& physical) {
    const bool user = frame_.cpu.cpl() == 3;
    ExecEntry& e = exec_tlb_[user][(linear >> 12) % kExecEntries];
    if (e.page != (linear & kPageMask)) {
        const PagingContext context = paging_context(user, false);
        PagingMemory memory(phys_.pages());
        const WalkResult walk = twin86::translate(context, memory, linear, Access::kExecute);
        if (!walk.ok) return Outcome::page_fault(walk.error_code, linear);
        e = {linear & kPageMask, walk.page.physical & kPageMask, walk.page.global && (frame_.cpu.cr4 & kCr4PGE)};
    }
    physical = e.physical | (linear & 0xfff);
    return Outcome::success();
}

/// A baked branch may jump straight to another page when that page's translation only ends with an event that unlinks:
/// a global page, or no paging at all.
bool JitVcpu::global_code(Gva linear) {
    if (!(frame_.cpu.cr0 & kCr0PG)) return true;
    if (frame_.cpu.cpl() == 3 || !(linear & kUpperHalf)) return false;
    const ExecEntry& e = exec_tlb_[0][(linear >> 12) % kExecEntries];
    if (e.page != (linear & kPageMask)) {
        const WalkResult walk = peek(paging_context(false, false), phys_.pages(), linear);
        return walk.ok && walk.page.global && (frame_.cpu.cr4 & kCr4PGE);
    }
    return e.global;
}

void JitVcpu::exec_tlb_clear() {
    for (auto& half : exec_tlb_)
        for (ExecEntry& e : half) e.page = ~u64{0};
}

// --- soft TLB --------------------------------------------------------------------------------------------------------

void JitVcpu::tlb_flush_all() {
    for (unsigned v = 0; v < kViews; ++v) {
        tlb_clear(frame_.tlb[v]);
        frame_.tlb_used_count[v] = 0;
    }
    exec_tlb_clear();
}

void JitVcpu::tlb_flush_non_global() {
    for (unsigned v = 0; v < kViews; ++v) {
        if (frame_.tlb_used_count[v] > kTlbEntries) {
            tlb_clear(frame_.tlb[v]);
        } else {
            for (u32 i = 0; i < frame_.tlb_used_count[v]; ++i) {
                const unsigned index = frame_.tlb_used[v][i];
                tlb_clear_entry(frame_.tlb[v].entries[index], index);
            }
        }
        frame_.tlb_used_count[v] = 0;
    }
    exec_tlb_clear();
}

void JitVcpu::tlb_flush_va(Gva address) {
    const unsigned index = tlb_index(address);
    for (unsigned v = 0; v < kViews; ++v) tlb_clear_entry(frame_.tlb[v].entries[index], index);
    for (auto& half : exec_tlb_) {
        ExecEntry& e = half[(address >> 12) % kExecEntries];
        if (e.page == (address & kPageMask)) e.page = ~u64{0};
    }
}

// --- events ------------------------------------------------------------------------------------------------------------

void JitVcpu::flush(FlushKind kind, unsigned pcid) {
    ++counters_.flushes;
    log_.write(kLogMmu, "flush kind {} pcid {}", static_cast<unsigned>(kind), pcid);
    if (windows_ != nullptr) flush_windows(kind, pcid);
    if (kind == FlushKind::kAll) {
        tlb_flush_all();
        forget_jumps(true);
        forget_jumps(false);
        blocks_.unlink_cross_page();
    } else {
        tlb_flush_non_global();
        forget_jumps(false);
        if (non_global_supervisor_jumps_) forget_jumps(true);
    }
    use_jumps_of(frame_.mode);
}

void JitVcpu::flush_page(Gva address, unsigned pcid, bool all_pcids) {
    ++counters_.page_flushes;
    if (windows_ != nullptr) {
        const bool current = !(frame_.cpu.cr4 & kCr4PCIDE) || pcid == (frame_.cpu.cr3 & 0xfff);
        if (current) windows_->flush_page(address);
        if (!current || all_pcids) windows_->flush_pcid(pcid, paging_context(true, false));
    }
    tlb_flush_va(address);
    if (!code_pages_.contains(address & kPageMask)) return;
    if (address & kUpperHalf) {
        forget_jumps(true);
        blocks_.unlink_cross_page();
    } else {
        forget_jumps(false);
        if (non_global_supervisor_jumps_) forget_jumps(true);
    }
    use_jumps_of(frame_.mode);
}

void JitVcpu::address_space_switched(bool keep) {
    ++counters_.switches;
    if (windows_ != nullptr) windows_->switch_space(paging_context(true, false), !keep);
    tlb_flush_non_global();
    enter_space(!keep);
    if (non_global_supervisor_jumps_) forget_jumps(true);
    use_jumps_of(frame_.mode);
}

/// Translated code appeared in these pages: writes to them must take the slow path from now on.
void JitVcpu::writes_protected(Gpa base, u64 size) {
    if (windows_ != nullptr) windows_->protect(base, size);
    for (u64 page = 0; page < size; page += kPageSize) {
        had_code_.set(filter_index((base + page) / kPageSize));
        const u64 entry = phys_.pages().entry(base + page);
        if (page_is_mmio(entry)) continue;
        revoke_writes(reinterpret_cast<u64>(page_host(entry)));
    }
}

/// No entry lets writes through to this host page any more.
void JitVcpu::revoke_writes(u64 host) {
    const unsigned slot = writable_slot(host);
    u16* const listed = frame_.writable[slot];
    const auto revoke = [&](u16 id) {
        TlbEntry& e = frame_.tlb[id >> kTlbBits].entries[id & (kTlbEntries - 1)];
        if (e.host == host) e.write_tag = invalid_tag(id & (kTlbEntries - 1));
    };
    if (listed[0] != JitFrame::kManyWritable) {
        for (unsigned way = 0; way < kWritableWays; ++way)
            if (listed[way] != JitFrame::kNoWritable) revoke(listed[way]);
        return;
    }
    std::fill_n(listed, kWritableWays, JitFrame::kNoWritable);
    for (unsigned view = 0; view < kViews; ++view)
        for (unsigned index = 0; index < kTlbEntries; ++index) {
            const u16 id = static_cast<u16>(view << kTlbBits | index);
            revoke(id);
            if (writes_through(frame_, id, slot)) note_writable(frame_, view, index);
        }
}

void JitVcpu::range_remapped(Gpa base, u64 size) {
    blocks_.invalidate(base, size);
    if (windows_ != nullptr) windows_->forget(base, size);
    tlb_flush_all();
}

/// Blocks stay: they are known by addresses on the bus.
void JitVcpu::address_lines_changed() {
    if (windows_ != nullptr) windows_->forget(0, phys_.pages().count * kPageSize);
    flush(FlushKind::kAll, 0);
}

bool JitVcpu::take_flushes() {
    const u64 now = counters_.flushes + counters_.page_flushes + counters_.switches;
    return std::exchange(flushes_taken_, now) != now;
}

void JitVcpu::registers_changed() {
    filled_components_ = 0;
    frame_.mode = Mode{kNoMode};
}

void JitVcpu::state_changed() {
    registers_changed();
    if (windows_ != nullptr) {
        windows_->clear();
        windows_->switch_space(paging_context(true, false), true);  // CR3 may be another one
    }
    tlb_flush_all();
    forget_jumps(true);
    forget_jumps(false);
    blocks_.unlink_cross_page();
}

}  // namespace twin86::jit
