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

/// A gather, a scatter or a byte-masked store as the leaf helper sees it: sizes in bytes.
struct ElementsMeta {
    u8 count;
    u8 sizes;    ///< bits 0-3: of an element, 4-7: of an index
    u8 flags;    ///< bits 0-1: log2 of the scale; ElementsMeta::Flags
    u8 place;    ///< bits 0-1: TlbView, 4-6: segment
    enum Flags : u8 { kStore = 4, kAddress32 = 8, kBytes = 16 };  ///< kBytes: neighbours of which some are stored
};
static_assert(sizeof(ElementsMeta) == 4);

/// Results are distances to the continuation behind the metadata: each is a 5-byte jump.
constexpr u64 kLeafDone = 0;
constexpr u64 kLeafMore = 5;
constexpr u64 kLeafSlow = 10;
/// Behind a call of slow_mem: the instruction itself, with rbp = frame.address (BlockBuilder::access).
constexpr u64 kLeafHere = 5 + 5 + sizeof(AccessMeta);

/// How twin86_leaf_transfer goes on: index into JitFrame::leaf_exit.
enum LeafExit : u8 {
    kLeafDeclined,  ///< nothing was changed: the slow path
    kLeafBoundary,  ///< the instruction is done; C++ looks at events and finds the next block
    kLeafEnters,    ///< the next block is frame.enter_pc, which wants its RIP (frame.target) in rbp
};

struct HelperSite;

extern "C" {
/// Fills the TLB for an access; kLeafDone: retry the probe, kLeafMore: the slow path must do it, kLeafHere: the
/// instruction can run on frame.address, and when it writes exit_commit follows.
u64 twin86_leaf_fill(JitFrame* frame, u64 address, u32 meta);
/// Writes to guest memory what an instruction has left in the bounce buffer.
void twin86_leaf_commit(JitFrame* frame);
/// Runs a string instruction on cpu.gpr as far as one page of each operand goes; `flags` are the host flags, updated
/// by scas and cmps.
u64 twin86_leaf_string(JitFrame* frame, u32 meta, u64* flags);
/// Loads or stores the elements of frame->elements that are selected; `base` is their address without index and segment.
/// kLeafMore: done. kLeafDone: nothing of it, the slow path must do it.
u64 twin86_leaf_elements(JitFrame* frame, u64 base, u32 meta);
/// SYSCALL, SYSRET or IRETQ on cpu, `flags` being the host's; returns one of frame.leaf_exit.
const u8* twin86_leaf_transfer(JitFrame* frame, const HelperSite* site, u64 next_rip, u64 flags);
/// The code for the target of a branch that the jump table does not know, which wants the RIP in rbp; or null.
const u8* twin86_leaf_look_up(JitFrame* frame, u64 rip);
}

}  // namespace twin86::jit
