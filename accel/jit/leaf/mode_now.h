// The mode of the frame's processor, windows included.
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

}  // namespace twin86::jit
