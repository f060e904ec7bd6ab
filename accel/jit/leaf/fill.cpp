// The soft-TLB fill: page walk, rights of the view, and the entry for the inline probe.
#include "accel/jit/leaf/bounce.h"
#include "accel/jit/leaf/tlb_fill.h"

namespace twin86::jit {

namespace {
constexpr u32 kBouncesPerLook = 64;
}

extern "C" u64 twin86_leaf_fill(JitFrame* frame, u64 address, u32 bits) {
    const AccessMeta meta = __builtin_bit_cast(AccessMeta, bits);
    const bool in_page = (address & 0xfff) + meta.size <= kPageSize;
    if (in_page && fill(*frame, address, meta.access, meta.view & 3)) return kLeafDone;
    const bool looks = (meta.access & kAccessRun) && ++frame->run_bounces % kBouncesPerLook == 0;  // a place where that goes on is found
    const bool reads_a_page = in_page && !(meta.access & kAccessWrite);  // no other page, no code: a second walk finds the same
    return reads_a_page || looks || (meta.access & kAccessAlone) ? kLeafMore : leaf_bounce(*frame, address, meta);
}

}  // namespace twin86::jit
