// Accesses through windows (mmu/windows.h): when they are used, and what follows when the host denies one.
#include <x86intrin.h>

#include <algorithm>
#include <cstring>

#include "accel/jit/jit_vcpu.h"
#include "base/host_time.h"
#include "cpu/semantics/memory.h"

namespace twin86::jit {

namespace {

constexpr u32 kHostFaultWrite = 2;  // as in #PF error codes
constexpr unsigned kMissesBeforeProbe = 3, kRunMisses = 100, kCodeWritesBeforeProbe = 16;
constexpr unsigned kFailuresBeforeGivingUp = 2;
constexpr u32 kFailuresPerLook = 8;
constexpr u64 kLongGood_ticks = 4'000'000;  // about a millisecond
constexpr std::size_t kMostLoops = 65'536;
constexpr unsigned kRestless = 3;  // a loop that was entered so often with pointers to other regions

}  // namespace

void JitVcpu::create_windows() {
    if (options_.mmu == MmuMode::kSoft) return;
    const WindowTables tables{frame_.window[kViewUser], frame_.window[kViewSupervisor],
                              frame_.window[kViewSupervisorAc]};
    windows_ = Windows::create(phys_, tables, options_.mmu == MmuMode::kShadow);
}

/// For leaf helpers, which cannot ask the policy.
void JitVcpu::note_windows() {
    frame_.user_shown = windows_ != nullptr && windows_->user_shown();
    frame_.kernel_shown = windows_ != nullptr && windows_->kernel_shown();
}

void JitVcpu::flush_windows(FlushKind kind, unsigned pcid) {
    const PagingContext context = paging_context(true, false);
    switch (kind) {
        case FlushKind::kAll:
            return windows_->flush_all(context);
        case FlushKind::kNonGlobal:
            return windows_->flush_non_global(context);
        case FlushKind::kPcid:
            if (!(frame_.cpu.cr4 & kCr4PCIDE)) return windows_->flush_non_global(context);  // all are PCID 0
            return windows_->flush_pcid(pcid, context);
    }
}

/// Guests that run for a while take interrupts: time is counted from one to the next.
void JitVcpu::sample_windows() {
    if (windows_ == nullptr) return;
    windows_->sample(frame_.cpu.cpl() == 3, monotonic_ns(), {frame_.user_pages, translator_.counters().nanoseconds});
}

/// After a fault: shows the page that the host denied, if the instruction can simply go on then.
Windows::FillResult JitVcpu::fill_window(const Block& block, u32 guest_offset) {
    ++counters_.window_faults;
    const Windows::FillResult not_here{Windows::Fill::kNotHere};
    if (frame_.fault_trap != kVectorPF) return not_here;
    const std::optional<Gva> address = windows_->linear(frame_.fault_address);
    if (!address) {
        show_operands(block, guest_offset);
        return not_here;
    }
    // A fault that filling does not cure must not repeat for ever.
    const bool again = frame_.fault_pc == last_window_fault_.pc && frame_.fault_address == last_window_fault_.address;
    last_window_fault_ = {frame_.fault_pc, frame_.fault_address, again ? last_window_fault_.count + 1 : 0};
    if (last_window_fault_.count > 2) return not_here;
    const bool wrote = frame_.fault_error & kHostFaultWrite;
    const Windows::FillResult filled = windows_->fill(*address, wrote, paging_context(false, false));
    if (filled.what == Windows::Fill::kShown && wrote && block.key.mode.has(Mode::kUser)) note_code_write(block, guest_offset, filled.physical);
    return block.valid ? filled : not_here;
}

/// Programs that write code come back to the same pages: each time a fault here, a miss in the soft TLB for a probe.
void JitVcpu::note_code_write(const Block& block, u32 guest_offset, Gpa page) {
    if (had_code_[filter_index(page / kPageSize)]) note_miss(code_writes_, block.key.physical + guest_offset, kCodeWritesBeforeProbe, probed_sites_);
}

/// The `most`-th of an instruction's misses: it does without windows, or without others, from then on.
void JitVcpu::note_miss(std::unordered_map<Gpa, u8>& misses, Gpa insn, unsigned most, SiteSet& learn) {
    if (++misses[insn] < most) return;
    misses.erase(insn);
    learn.insert(insn);
    blocks_.invalidate(insn, 1);
}

/// The access fell into the empty window: makes windows for the region that the instruction names and for the stack's.
void JitVcpu::show_operands(const Block& block, u32 guest_offset) {
    Insn insn;
    if (!decode_again(block, guest_offset, frame_.cpu.rip, insn)) return;
    const CpuState& s = frame_.cpu;
    const auto show = [&](u64 address) {
        if (s.cpl() == 3 && address >> 63) return;  // never shown to the user
        if (is_canonical(address, s.cr4)) windows_->fill(address, false, paging_context(false, false));
    };
    if (insn.has_mem) show(linear_address(cpu_, insn));
    show(s.gpr[kRsp] - 8);
}

/// Emitted code found an address in another region than it guessed. Where that goes on it stops guessing.
bool JitVcpu::on_region() {
    constexpr unsigned kJumpLength = 5;  // the metadata follows a jump back
    RegionSite* at;
    std::memcpy(&at, reinterpret_cast<const u8*>(frame_.resume_pc) + kJumpLength, sizeof at);
    RegionSite& site = *at;
    const Block& block = *site.block;
    if (site.loop) return leave_loop(block);
    const u64 address = site.guest == kNoGpr ? frame_.address : frame_.cpu.gpr[site.guest];
    const u64 now = __rdtsc();
    site.failures = now - site.since < kLongGood_ticks ? site.failures + 1 : 1;
    if (site.failures == kFailuresBeforeGivingUp) blocks_.give_up(block, site);
    else if (is_canonical(address, frame_.cpu.cr4)) blocks_.guess(block, site, RegionSite::of(address));
    site.since = now;
    frame_.region_budget = kFailuresPerLook - 1;
    frame_.temp = frame_.window[site.view][WindowArea::region_of(address)];
    return resume(0);
}

bool JitVcpu::loop_is_steady(Gpa start) {
    const auto at = restless_loops_.find(start);
    return at == restless_loops_.end() || at->second < kRestless;
}

/// In front of a loop whose pointers are elsewhere: it is translated anew.
bool JitVcpu::leave_loop(const Block& block) {
    if (restless_loops_.size() >= kMostLoops) restless_loops_.clear();
    ++restless_loops_[block.key.physical];
    frame_.cpu.rip = rip_of(block, 0);
    blocks_.invalidate(block.key.physical, 1);
    return false;
}

/// One instruction in a block of its own, whose probe tells faults, MMIO and writes to code apart.
bool JitVcpu::run_with_probe(const Block& block, u32 guest_offset) {
    ++counters_.window_misses;
    note_miss(window_misses_, block.key.physical + guest_offset, kMissesBeforeProbe, probed_sites_);
    return run_alone(block);
}

/// The same for the first of several instructions that share a probe, which could not serve them.
bool JitVcpu::run_first(const Block& block, u32 guest_offset) {
    note_miss(run_misses_, block.key.physical + guest_offset, kRunMisses, lone_sites_);
    return run_alone(block);
}

bool JitVcpu::run_alone(const Block& block) {
    partial_ = true;
    last_window_fault_ = {};
    // STAC and CLAC have changed the mode since the block was entered; only the shadow is the block's.
    const Mode mode{Mode::of(frame_.cpu, true).value | (block.key.mode.value & Mode::kShadowed)};
    Block* once = find_block(mode);
    if (once == nullptr) return false;
    frame_.cpu.shadow = kShadowNone;
    enter(once->body());
    return true;
}

}  // namespace twin86::jit
