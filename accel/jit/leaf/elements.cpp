// Gathers, scatters and byte-masked stores whose elements all lie in RAM that the TLB can express: element by element, without leaving emitted
// code. All addresses are translated before the first byte is written.
#include "accel/jit/leaf/leaf.h"
#include "accel/jit/leaf/tlb_fill.h"

namespace twin86::jit {

namespace {

/// The elements of one instruction.
struct Elements {
    JitFrame& f;
    u64 base;
    ElementsMeta meta;

    unsigned size() const { return meta.sizes & 15; }
    bool stores() const { return meta.flags & ElementsMeta::kStore; }
    bool selected(unsigned n) const { return f.elements.selected >> n & 1; }
};

TWIN86_LEAF_INLINE i64 index_of(const Elements& e, unsigned n) {
    const u8* at = e.f.elements.indices;
    if (e.meta.sizes >> 4 == 8) return reinterpret_cast<const volatile i64*>(at)[n];
    return reinterpret_cast<const volatile i32*>(at)[n];
}

/// Host address of element n, or 0.
TWIN86_LEAF_INLINE u64 host_of_element(const Elements& e, unsigned n) {
    u64 offset = e.base + (static_cast<u64>(index_of(e, n)) << (e.meta.flags & 3));
    if (e.meta.flags & ElementsMeta::kAddress32) offset &= 0xffffffff;
    const Gva va = linear(e.f, offset, e.meta.place >> 4);
    if ((va & 0xfff) + e.size() > kPageSize) return 0;
    return host_of(e.f, va, e.stores() ? kAccessWrite : kAccessRead, e.meta.place & 3);
}

template <class T>
TWIN86_LEAF_INLINE void move_element(const Elements& e, unsigned n, u64 host) {
    volatile T* const there = reinterpret_cast<volatile T*>(host);
    volatile T* const here = reinterpret_cast<volatile T*>(e.f.elements.data) + n;
    if (e.stores()) *there = *here;
    else *here = *there;
}

/// MASKMOVQ and MASKMOVDQU: all of the operand must be writable, as on AMD's processors.
TWIN86_LEAF_INLINE u64 store_bytes(const Elements& e) {
    const Gva va = linear(e.f, e.base, e.meta.place >> 4);
    if ((va & 0xfff) + e.meta.count > kPageSize) return kLeafDone;
    const u64 host = host_of(e.f, va, kAccessWrite, e.meta.place & 3);
    if (host == 0) return kLeafDone;
    for (unsigned n = 0; n < e.meta.count; ++n)
        if (e.selected(n)) move_element<u8>(e, n, host + n);
    return kLeafMore;
}

}  // namespace

extern "C" u64 twin86_leaf_elements(JitFrame* frame, u64 base, u32 meta) {
    const Elements e{*frame, base, __builtin_bit_cast(ElementsMeta, meta)};
    if (e.meta.flags & ElementsMeta::kBytes) return store_bytes(e);
    u64 hosts[16];
    for (unsigned n = 0; n < e.meta.count; ++n) {
        if (!e.selected(n)) continue;
        hosts[n] = host_of_element(e, n);
        if (hosts[n] == 0) return kLeafDone;
    }
    for (unsigned n = 0; n < e.meta.count; ++n) {
        if (!e.selected(n)) continue;
        if (e.size() == 8) move_element<u64>(e, n, hosts[n]);
        else move_element<u32>(e, n, hosts[n]);
    }
    return kLeafMore;
}

}  // namespace twin86::jit
