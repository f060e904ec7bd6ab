// Thunks: the fixed pieces of code through which emitted code is entered and left (README.md, "Ways out").
#pragma once

#include "accel/jit/code_cache.h"
#include "accel/jit/frame.h"

namespace twin86::jit {

struct Thunks {
    void (*enter)(JitFrame*) = nullptr;  ///< runs from frame->enter_pc until an exit
    const u8* slow_mem = nullptr;        ///< call; u32 AccessMeta; returns to +4 (filled) or +9 (not)
    const u8* leaf_string = nullptr;     ///< call; u32 StringMeta; returns to +4 (done), +9 (more), +14 (slow path)
    const u8* leaf_elements = nullptr;   ///< call; u32 ElementsMeta; returns to +4 (slow path), +9 (done)
    const u8* leaf_transfer = nullptr;   ///< call; u64 HelperSite*; next RIP in rbp; never resumes
    const u8* leaf_exit[3] = {};         ///< by LeafExit: where leaf_transfer goes on
    const u8* exit_lookup = nullptr;     ///< call; never resumes; target RIP in rbp
    const u8* exit_miss = nullptr;       ///< jump table misses, with rcx in frame.save_rcx: asks the leaf first
    const u8* look_up = nullptr;         ///< jump: the look-up of links that no longer are any; target RIP in rbp
    const u8* exit_chain = nullptr;      ///< call; u64 ChainSite*
    const u8* exit_helper = nullptr;     ///< call; u64 HelperSite*
    const u8* exit_slow = nullptr;       ///< call; u32 AccessMeta; resumes behind it with rbp = bounce buffer
    const u8* exit_commit = nullptr;     ///< call; resumes behind it
    const u8* exit_string = nullptr;     ///< call; u64 HelperSite*
    const u8* exit_raise = nullptr;      ///< call; u64 HelperSite*
    const u8* exit_segment = nullptr;    ///< call; SegmentMeta; resumes behind it, rbp unchanged
    const u8* exit_region = nullptr;     ///< call; jmp; RegionSite*; resumes at the jmp, r10 = delta
    const u8* exit_stale = nullptr;      ///< call; u64 Block*
    const u8* recover = nullptr;         ///< where the signal handler sends a faulted thread
};

/// Emits the thunks at the start of the cache and marks it.
Thunks build_thunks(CodeCache& cache);

}  // namespace twin86::jit
