// Leaf helpers: called from emitted code with guest vector state live in the host registers.
//
// They are compiled with -mgeneral-regs-only and call nothing outside this folder (checked by nm in tools/check).
#pragma once

#include "accel/jit/frame.h"

namespace twin86::jit {

/// A string instruction as the leaf helper sees it.
struct StringMeta {
    enum Kind : u8 { kMovs, kStos, kLods, kScas, kCmps };
    enum Flags : u8 { kRep = 1, kRepne = 2, kBackward = 4, kAddress32 = 8, kAddress16 = 16, kBounded = 32 };  // kBounded: segments have limits
    u8 kind;
    u8 size;   ///< element size in bytes; bits 4-6: segment of the source
    u8 flags;
    u8 view;
};
static_assert(sizeof(StringMeta) == 4);

/// Results are distances to the continuation behind the metadata: each is a 5-byte jump.
constexpr u64 kLeafDone = 0;
constexpr u64 kLeafMore = 5;
constexpr u64 kLeafSlow = 10;

extern "C" {
/// Fills the TLB for an access; kLeafDone: retry the probe, kLeafMore: the TLB cannot express it.
u64 twin86_leaf_fill(JitFrame* frame, u64 address, u32 meta);
/// Runs a string instruction on cpu.gpr as far as one page of each operand goes; `flags` are the host flags, updated
/// by scas and cmps.
u64 twin86_leaf_string(JitFrame* frame, u32 meta, u64* flags);
}

}  // namespace twin86::jit
