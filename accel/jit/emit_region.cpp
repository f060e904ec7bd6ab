// The window of an address that a register holds. Where flags are dead its region (bits 54:39) is compared with a guess, and the
// delta comes from a fixed place: a predicted branch keeps the choice off the address's latency chain. Otherwise, and
// where the guess fails, bits 47:39 select the delta. A site that fails learns a few times (JitVcpu::on_region): one failure of
// eight is looked at, so that what differs now and then costs little.
#include <algorithm>

#include "accel/jit/builder.h"
#include "accel/jit/region_code.h"
#include "mmu/window_area.h"

namespace twin86::jit {

using namespace asmjit;

/// The entry of the current view's table for a region.
x86::Mem BlockBuilder::window_delta(unsigned region) const {
    return field(window_offset(mode_.view(), region));
}

/// `to` = the delta that `decider` selects; both are host registers.
void BlockBuilder::select_delta(u8 decider, u8 to) {
    a.pext(host64(to), host64(decider), field(offsetof(JitFrame, window_index_mask)));
    Mem entry = window_delta(0);
    entry.setIndex(host64(to), 3);
    a.mov(host64(to), entry);
}

/// r10 = the delta of the window that guest register `guest` points into; kNoGpr: host rbp. Changes no flags.
void BlockBuilder::select_delta_of(u8 guest) {
    if (guest == kNoGpr) return select_delta(kHostAddress);
    if (in_memory(guest)) a.mov(x86::r10, slot(guest));
    select_delta(in_memory(guest) ? kHostTemp : kHostOf[guest]);
}

/// The same, by a guess where flags are dead.
void BlockBuilder::delta_of(u8 guest) {
    if (flags_live_ != 0) select_delta_of(guest);
    else guess_region(guest, hints_.of(guest));
}

/// rbp: linear -> host address, by its own value.
void BlockBuilder::window_address() {
    if (flags_live_ != 0) {
        select_delta(kHostAddress);
        return (void)a.lea(x86::rbp, x86::ptr(x86::rbp, x86::r10));
    }
    guess_region(kNoGpr, current_->has_mem ? hints_.of(current_->mem) : hints_.of(kRsp));
    a.add(x86::rbp, x86::r10);
}

/// In front of a loop: compares what all of its rounds rely on.
void BlockBuilder::emit_loop_entry(std::span<const Insn> insns) {
    if (buffer_.live_before[0] != 0 || steps() || block_.second_page != ~u64{0}) return;
    if (!context_.loop_is_steady(context_.self, block_.key.physical)) return;
    const auto in_window = [](const void* self, const Insn& i) { return static_cast<const BlockBuilder*>(self)->through_window(i); };
    loop_.find(insns, rounds_.last(), context_.gpr, in_window, this);
    current_ = &insns.front();
    for (const LoopPointer& p : loop_.all()) {
        if (p.index != kNoGpr) loop_address(p);
        guess_region(p.index != kNoGpr ? u8{kNoGpr} : p.base, p.region, true);
    }
    if (!loop_.all().empty()) load_loop_delta();
}

/// Where all pointers of the loop are in one region, r10 holds its delta when a round begins.
void BlockBuilder::load_loop_delta() {
    block_.loop_offset = static_cast<u32>(a.offset());
    const auto region_of = [](const LoopPointer& p) { return p.region % WindowTables::kRegions; };
    const unsigned region = region_of(loop_.all().front());
    if (!std::ranges::all_of(loop_.all(), [&](const LoopPointer& p) { return region_of(p) == region; })) return;
    decide_by_region(region);
    loop_anchor_ = delta_anchor_;
    delta_kept_ = false;
    block_.kept_offset = static_cast<u32>(a.offset());
}

/// rbp = base + index * scale.
void BlockBuilder::loop_address(const LoopPointer& p) {
    Insn at;
    at.mem.base = p.base;
    at.mem.index = p.index;
    at.mem.scale = p.scale;
    at.address_bits = 64;
    effective_address(at, kHostAddress);
}

/// r10 = delta by a guess. Where it fails the cold part selects the delta, but for some failures, which leave and learn.
void BlockBuilder::guess_region(u8 guest, u16 hint, bool loop) {
    if (guest != kNoGpr && in_memory(guest)) a.mov(x86::r10, slot(guest));
    RegionSite& site = *context_.arena.make<RegionSite>();
    site.block = &block_;
    site.region = hint;
    site.at = static_cast<u32>(a.offset());
    site.guest = guest;
    site.view = mode_.view();
    site.since = translated_;
    site.loop = loop;
    a.embed(RegionCode::compare(site).bytes, RegionCode::kLength);

    cold();
    point(offset_in_block(*current_));
    buffer_.local_fixups.push_back({false, true, site.at + RegionCode::kBranchAt, static_cast<u32>(a.offset())});
    if (!loop) {
        const Label learn = a.newLabel();
        a.dec(field(offsetof(JitFrame, region_budget), 4));
        a.js(learn);
        select_delta_of(guest);
        jump_to(false, site.at + RegionCode::kLength);
        a.bind(learn);
    }
    call(context_.thunks.exit_region);
    jump_to(false, site.at + RegionCode::kLength);
    a.embedUInt64(reinterpret_cast<u64>(&site));
    hot();
}

}  // namespace twin86::jit
