// The code for a RIP, when finding it takes no more than tables.
#pragma once

#include "accel/jit/frame.h"

namespace twin86::jit {

/// What others have found in the page that lies there in this address space too. The jump table knows it from now on.
TWIN86_LEAF_INLINE const u8* indexed_code(JitFrame& f, u64 rip) {
    CodeIndex& index = *f.code_index;
    const u16 number = index.hint(rip);
    if (!f.jump_table->lies_at(number, rip & kPageMask)) return nullptr;
    const u8* const host = index.find(number, rip, f.mode);
    if (host == nullptr) return nullptr;
    f.jump_table->set(rip, host);
    ++f.indexed_jumps;
    return host;
}

/// For the frame's mode and address space; null: translations must be looked at, of addresses and of code.
TWIN86_LEAF_INLINE const u8* code_for(JitFrame& f, u64 rip) {
    const u8* const host = f.jump_table->find(rip);
    return host != nullptr ? host : indexed_code(f, rip);
}

}  // namespace twin86::jit
