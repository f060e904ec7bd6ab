// What the engine remembers of where code is: jump tables, and the pages that jumps and links lead to.
#include "accel/jit/jit_vcpu.h"
#include "accel/jit/leaf/mode_now.h"

namespace twin86::jit {

/// `flushed`: what was known of its translations is not. Jumps stay where the code does, otherwise they are forgotten.
void JitVcpu::enter_space(bool flushed) {
    constexpr std::size_t kMostSpaces = 4096;
    if (spaces_.size() > kMostSpaces) {
        spaces_.clear();
        forget_jumps(false);
    }
    const u64 cr3 = space_now();
    SpaceCode& code = spaces_[cr3];
    const bool moved = flushed && !code.unchanged(paging_context(true, false), phys_.pages());
    if (moved) {
        jumps_.forget_user(cr3);
        code.forget();
    }
    if (moved || cr3 != current_space_) {
        ++frame_.jump_epoch;
        noted_user_pages_.fill(0);
    }
    current_space_ = cr3;
}

/// Salted links end with their jump space: no other table will have its salt.
void JitVcpu::forget_jumps(bool supervisor) {
    ++frame_.jump_epoch;
    if (supervisor) {
        jumps_.forget_supervisor();
        non_global_supervisor_jumps_ = false;
    } else {
        jumps_.forget_users();
        noted_user_pages_.fill(0);
    }
}

void JitVcpu::forget_all_jumps() {
    ++frame_.jump_epoch;
    jumps_.forget_all();
    blocks_.unlink_cross_page();
    code_pages_.clear();
    noted_pages_.fill(0);
}

/// User jumps belong to one CR3, supervisor jumps to all.
JumpTables::Table JitVcpu::jumps_of(Mode mode) {
    const u64 cr3 = mode.has(Mode::kUser) ? space_now() : JumpSpace::kSupervisor;
    bool taken = false;
    const JumpTables::Table table = jumps_.of({cr3, mode, code_base(frame_.cpu)}, taken);
    if (taken) ++frame_.jump_epoch;
    return table;
}

void JitVcpu::use_jumps_of(Mode mode) {
    if (mode.value == kNoMode) return;
    if (jumps_.worn_out()) forget_all_jumps();
    const u64 base = code_base(frame_.cpu);
    JumpMemo& memo = frame_.jump_memo[JumpMemo::index_of(mode.value, base)];
    if (memo.epoch != frame_.jump_epoch || !(memo.mode == mode) || memo.code_base != base) {
        const JumpTables::Table table = jumps_of(mode);
        memo = {0, mode, base, table.salt, table.entries, nullptr, nullptr};
        if (mode.has(Mode::kSmap)) {
            memo.table_ac = jumps_of(Mode{mode.value | Mode::kAllowUser}).entries;
            memo.table_no_ac = jumps_of(Mode{mode.value & ~u64{Mode::kAllowUser}}).entries;
        }
        memo.epoch = frame_.jump_epoch;
    }
    use_jumps(frame_, memo);
}

void JitVcpu::note_code_page(Gva a, Gpa physical, bool user) {
    const Gva page = a & kPageMask;
    Gva& noted_user = noted_user_pages_[(page >> 12) % noted_user_pages_.size()];
    if (user && noted_user != (page | 1)) {
        spaces_[space_now()].note(page, physical & kPageMask);
        noted_user = page | 1;
    }
    Gva& noted = noted_pages_[(page >> 12) % noted_pages_.size()];
    if (noted == (page | 1)) return;
    code_pages_.insert(page);
    noted = page | 1;
}

void JitVcpu::cache_jump(const Block& block) {
    jumps_.set(frame_.jump_table, frame_.cpu.rip, block.look_up_entry());
    const bool user = block.key.mode.has(Mode::kUser);
    const Gva linear = linear_rip();
    note_code_page(linear, block.key.physical, user);
    if (block.second_page != ~u64{0}) note_code_page((linear & kPageMask) + kPageSize, block.second_page, user);
    if (!user && !global_code(linear)) non_global_supervisor_jumps_ = true;
}

}  // namespace twin86::jit
