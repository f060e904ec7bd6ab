// The soft-TLB fill: page walk, rights of the view, and the entry for the inline probe.
#include "accel/jit/leaf/leaf.h"

#include "accel/jit/leaf/tlb_fill.h"

namespace twin86::jit {

extern "C" u64 twin86_leaf_fill(JitFrame* frame, u64 address, u32 meta) {
    const unsigned size = meta & 0xffff;
    const u8 kind = static_cast<u8>(meta >> 16);
    const u8 view = static_cast<u8>((meta >> 24) & 3);
    if ((address & 0xfff) + size > kPageSize) return kLeafMore;
    return fill(*frame, address, kind, view) ? kLeafDone : kLeafMore;
}

}  // namespace twin86::jit
