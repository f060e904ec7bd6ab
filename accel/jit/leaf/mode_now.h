// The mode of the frame's processor, windows included, and the jumps that are known in it.
#pragma once

#include "accel/jit/frame.h"
#include "accel/jit/mode_of.h"

namespace twin86::jit {

/// Windows show what 4-level paging with write protection maps.
TWIN86_LEAF_INLINE bool in_windows(const JitFrame& f) {
    const CpuState& s = f.cpu;
    constexpr u64 kNeeded = kCr0PG | kCr0WP;
    const bool user = s.cpl() == 3;
    if (!(user ? f.user_shown : f.kernel_shown) || f.watched_data != 0) return false;
    if (user && (s.cr0 & kCr0AM) && (s.rflags & kFlagAC)) return false;  // each access is checked in C++
    return (s.efer & kEferLMA) && (s.cr0 & kNeeded) == kNeeded && !(s.cr4 & kCr4LA57);
}

TWIN86_LEAF_INLINE Mode mode_now(const JitFrame& f, bool one_insn) {
    Mode mode = mode_of(f.cpu, one_insn);
    if (in_windows(f)) mode.value |= Mode::kWindows;
    return mode;
}

/// What RIP counts from in linear addresses. 64-bit mode takes no notice of the base of CS.
TWIN86_LEAF_INLINE u64 code_base(const CpuState& s) { return s.mode64() ? 0 : s.segment[kCs].base; }

/// What data accesses see; `supervisor`: those that the processor makes by itself. SDM vol. 3, 4.6.1.
TWIN86_LEAF_INLINE TlbView view_now(const CpuState& s, bool supervisor) {
    if (!supervisor && s.cpl() == 3) return kViewUser;
    const bool user_pages = !(s.cr4 & kCr4SMAP) || (!supervisor && (s.rflags & kFlagAC));
    return user_pages ? kViewSupervisorAc : kViewSupervisor;
}

/// The memo's mode is the current one.
TWIN86_LEAF_INLINE void use_jumps(JitFrame& f, const JumpMemo& memo) {
    f.mode = memo.mode;
    f.code_base = memo.code_base;
    f.jump_table = f.mode_table = memo.table;
    f.table_ac = memo.table_ac;
    f.table_no_ac = memo.table_no_ac;
}

}  // namespace twin86::jit
