// What the engine remembers of where code is: jump tables, and the pages that jumps and links lead to.
#include <algorithm>
#include <span>

#include "accel/jit/jit_vcpu.h"
#include "accel/jit/leaf/mode_now.h"

namespace twin86::jit {

/// `flushed`: what was known of its translations is not. Kernels reload CR3 to flush what munmap took away; the code that runs is
/// mapped as before nearly always, and looking at its pages costs far less than finding every jump again.
void JitVcpu::enter_space(bool flushed) {
    constexpr std::size_t kMostCodePages = 1u << 20;
    if (code_pages_.size() > kMostCodePages) forget_all_jumps();
    const u64 cr3 = space_now();
    const bool moved = flushed && code_moved(cr3);
    if (moved) jumps_.forget_user(cr3);
    if (moved || cr3 != current_space_) ++frame_.jump_epoch;
    current_space_ = cr3;
}

/// Whether a processor that has forgotten all translations would find a page of the space's code elsewhere, not at CPL 3, or
/// would set an accessed bit on the way.
bool JitVcpu::code_moved(u64 cr3) const {
    constexpr u32 kMostPages = 1024;  // more are not worth walking for
    const PagingContext user = paging_context(true, false);
    const auto lies_there = [&](const JumpSpace& space, u64 place, u16 number) {
        const Gva linear = space.mode.has(Mode::kCode64) ? place : static_cast<u32>(space.code_base + place);
        const WalkResult walk = peek(user, phys_.pages(), linear);
        const Translation& t = walk.page;
        return walk.ok && t.user && t.executable && t.accessed && (t.physical & kPageMask) == blocks_.code_pages().page(number);
    };
    return jumps_.any_of(cr3, [&](const JumpSpace& space, const JumpTable& t) {
        if (t.unplaced || t.placed_count > kMostPages) return true;
        return !std::ranges::all_of(std::span(t.placed, t.placed_count),
                                    [&](u16 number) { return lies_there(space, t.place(number), number); });
    });
}

void JitVcpu::forget_jumps(bool supervisor) {
    ++frame_.jump_epoch;
    if (supervisor) {
        jumps_.forget_supervisor();
        non_global_supervisor_jumps_ = false;
    } else {
        jumps_.forget_users();
    }
}

void JitVcpu::forget_all_jumps() {
    ++frame_.jump_epoch;
    jumps_.forget_all();
    blocks_.unlink_cross_page();
    code_pages_.clear();
    noted_pages_.fill(0);
}

/// Drops every translation.
void JitVcpu::clear_code() {
    blocks_.clear();
    std::ranges::fill(frame_.code_index->entries, CodeIndex::Entry{});
    forget_jumps(true);
    forget_jumps(false);
    use_jumps_of(frame_.mode);
}

/// User jumps belong to one CR3, supervisor jumps to all.
JumpTable* JitVcpu::jumps_of(Mode mode) {
    const u64 cr3 = mode.has(Mode::kUser) ? space_now() : JumpSpace::kSupervisor;
    bool taken = false;
    JumpTable& table = jumps_.of({cr3, mode, code_base(frame_.cpu)}, taken);
    if (taken) ++frame_.jump_epoch;
    return &table;
}

void JitVcpu::use_jumps_of(Mode mode) {
    if (mode.value == kNoMode) return;
    const u64 base = code_base(frame_.cpu);
    JumpMemo& memo = frame_.jump_memo[JumpMemo::index_of(mode.value, base)];
    if (memo.epoch != frame_.jump_epoch || !(memo.mode == mode) || memo.code_base != base) {
        memo = {0, mode, base, jumps_of(mode), nullptr, nullptr};
        if (mode.has(Mode::kSmap)) {
            memo.table_ac = jumps_of(Mode{mode.value | Mode::kAllowUser});
            memo.table_no_ac = jumps_of(Mode{mode.value & ~u64{Mode::kAllowUser}});
        }
        memo.epoch = frame_.jump_epoch;
    }
    use_jumps(frame_, memo);
}

void JitVcpu::note_code_page(Gva a) {
    const Gva page = a & kPageMask;
    Gva& noted = noted_pages_[(page >> 12) % noted_pages_.size()];
    if (noted == (page | 1)) return;
    code_pages_.insert(page);
    noted = page | 1;
}

/// Emitted code finds the block at cpu.rip from now on. True: its page of code lies at another address as well.
bool JitVcpu::cache_jump(const Block& block) {
    frame_.jump_table->set(frame_.cpu.rip, block.look_up_entry());
    const Gva linear = linear_rip();
    note_code_page(linear);
    if (block.second_page != ~u64{0}) note_code_page((linear & kPageMask) + kPageSize);
    if (block.key.mode.has(Mode::kUser)) return place_code(block, linear);
    if (!global_code(linear)) non_global_supervisor_jumps_ = true;
    return false;
}

/// Says where the block's pages lie in this address space. Others find the block by its page, unless it lies in two.
bool JitVcpu::place_code(const Block& block, Gva linear) {
    const u16 number = block.page_number;
    const u64 rip = frame_.cpu.rip;
    const bool elsewhere = frame_.jump_table->set_place(number, frame_.page_va);
    if (block.second_page != ~u64{0})
        frame_.jump_table->set_place(blocks_.code_pages().number_of(block.second_page), frame_.page_va + kPageSize);
    else if (number != CodePages::kNone && (rip ^ linear) % kPageSize == 0)
        frame_.code_index->set(number, rip, block.key.mode, block.look_up_entry());
    return elsewhere;
}

}  // namespace twin86::jit
