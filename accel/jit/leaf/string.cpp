// String instructions over guest pages with the host's own string instructions.
//
// One call handles at most the rest of one page of each operand, so that interrupts are polled between calls. rcx, rsi
// and rdi in cpu.gpr advance by whole elements; a fault or MMIO leaves them at the element that needs the slow path.
#include "accel/jit/leaf/leaf.h"
#include "accel/jit/leaf/tlb_fill.h"

namespace twin86::jit {

namespace {

struct StringOp {
    JitFrame& f;
    StringMeta meta;
    unsigned size;
    u64 mask;  ///< address-size mask

    bool backward() const { return meta.flags & StringMeta::kBackward; }
    bool repeats() const { return meta.flags & (StringMeta::kRep | StringMeta::kRepne); }
};

TWIN86_LEAF_INLINE u64 address_mask(const StringMeta& m) {
    return m.flags & StringMeta::kAddress16 ? 0xffff : m.flags & StringMeta::kAddress32 ? 0xffffffff : ~u64{0};
}

/// Replaces the address-size part of a register, with x86's rule that 32-bit results are zero-extended.
TWIN86_LEAF_INLINE void set_part(u64& reg, u64 value, u64 mask) {
    reg = mask == 0xffff ? (reg & ~mask) | (value & mask) : value & mask;
}

/// How many whole elements from `va` in the direction of travel lie in its page (0: the first one crosses).
TWIN86_LEAF_INLINE u64 elements_in_page(Gva va, unsigned size, bool backward) {
    const u64 offset = va & 0xfff;
    if (offset + size > kPageSize) return 0;
    return backward ? offset / size + 1 : (kPageSize - offset) / size;
}

/// How many elements from `offset` on lie below the limit of the segment (outside of 64-bit mode) and before the address
/// wraps.
TWIN86_LEAF_INLINE u64 elements_in_segment(const StringOp& op, u64 offset, unsigned segment) {
    if (!(op.meta.flags & StringMeta::kBounded)) return ~u64{0};
    const CpuState& s = op.f.cpu;
    const u64 limit = s.segment[segment].limit;
    const u64 last = s.mode64() || limit > op.mask ? op.mask : limit;
    if (offset > last || last - offset < op.size - 1) return 0;
    return op.backward() ? offset / op.size + 1 : (last - offset - (op.size - 1)) / op.size + 1;
}

TWIN86_LEAF_INLINE u64 least(u64 a, u64 b) { return a < b ? a : b; }

TWIN86_LEAF_INLINE void copy_forward(u64 to, u64 from, u64 n, unsigned size) {
    switch (size) {
        case 1: asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)::"memory"); break;
        case 2: asm volatile("rep movsw" : "+D"(to), "+S"(from), "+c"(n)::"memory"); break;
        case 4: asm volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(n)::"memory"); break;
        default: asm volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(n)::"memory"); break;
    }
}

TWIN86_LEAF_INLINE void copy_backward(u64 to, u64 from, u64 n, unsigned size) {
    switch (size) {
        case 1: asm volatile("std; rep movsb; cld" : "+D"(to), "+S"(from), "+c"(n)::"memory", "cc"); break;
        case 2: asm volatile("std; rep movsw; cld" : "+D"(to), "+S"(from), "+c"(n)::"memory", "cc"); break;
        case 4: asm volatile("std; rep movsl; cld" : "+D"(to), "+S"(from), "+c"(n)::"memory", "cc"); break;
        default: asm volatile("std; rep movsq; cld" : "+D"(to), "+S"(from), "+c"(n)::"memory", "cc"); break;
    }
}

TWIN86_LEAF_INLINE void fill_memory(u64 to, u64 value, u64 n, unsigned size, bool backward) {
    if (backward) to -= (n - 1) * size;  // the same bytes, whatever the direction
    switch (size) {
        case 1: asm volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(value) : "memory"); break;
        case 2: asm volatile("rep stosw" : "+D"(to), "+c"(n) : "a"(value) : "memory"); break;
        case 4: asm volatile("rep stosl" : "+D"(to), "+c"(n) : "a"(value) : "memory"); break;
        default: asm volatile("rep stosq" : "+D"(to), "+c"(n) : "a"(value) : "memory"); break;
    }
}

TWIN86_LEAF_INLINE u64 load(u64 host, unsigned size) {
    switch (size) {
        case 1: return *reinterpret_cast<const volatile u8*>(host);
        case 2: return *reinterpret_cast<const volatile u16*>(host);
        case 4: return *reinterpret_cast<const volatile u32*>(host);
        default: return *reinterpret_cast<const volatile u64*>(host);
    }
}

/// The arithmetic flags of a - b at the operand size, by the host's own CMP.
TWIN86_LEAF_INLINE u64 compare_flags(u64 a, u64 b, unsigned size) {
    u64 flags;
    switch (size) {
        case 1: asm("cmpb %b2, %b1; pushfq; popq %0" : "=r"(flags) : "q"(a), "q"(b) : "cc"); break;
        case 2: asm("cmpw %w2, %w1; pushfq; popq %0" : "=r"(flags) : "r"(a), "r"(b) : "cc"); break;
        case 4: asm("cmpl %k2, %k1; pushfq; popq %0" : "=r"(flags) : "r"(a), "r"(b) : "cc"); break;
        default: asm("cmpq %2, %1; pushfq; popq %0" : "=r"(flags) : "r"(a), "r"(b) : "cc"); break;
    }
    return flags & kFlagsArithmetic;
}

TWIN86_LEAF_INLINE void advance(StringOp& op, u64& reg, u64 n) {
    const u64 bytes = n * op.size;
    set_part(reg, op.backward() ? reg - bytes : reg + bytes, op.mask);
}

/// Scas and cmps: element by element, since the flags decide. Returns whether the instruction is complete.
TWIN86_LEAF_INLINE bool compare_run(StringOp& op, u64 source, u64 destination, u64 n, u64 rax, u64* flags, u64& done) {
    const i64 step = op.backward() ? -static_cast<i64>(op.size) : static_cast<i64>(op.size);
    for (done = 0; done < n;) {
        const u64 b = load(destination, op.size);
        const u64 a = source != 0 ? load(source, op.size) : rax;
        destination += static_cast<u64>(step);
        if (source != 0) source += static_cast<u64>(step);
        ++done;
        const bool equal = op.size == 8 ? a == b : ((a ^ b) << (64 - op.size * 8)) == 0;
        const bool stop = !op.repeats() || equal == ((op.meta.flags & StringMeta::kRepne) != 0);
        if (stop || done == n) *flags = (*flags & ~u64{kFlagsArithmetic}) | compare_flags(a, b, op.size);
        if (stop) return true;
    }
    return false;
}

}  // namespace

extern "C" u64 twin86_leaf_string(JitFrame* frame, u32 packed, u64* flags) {
    JitFrame& f = *frame;
    CpuState& s = f.cpu;
    const StringMeta meta = __builtin_bit_cast(StringMeta, packed);
    StringOp op{f, meta, meta.size & 0xfu, address_mask(meta)};
    const unsigned segment = meta.size >> 4;
    u64& rcx = s.gpr[kRcx];
    u64& rsi = s.gpr[kRsi];
    u64& rdi = s.gpr[kRdi];

    u64 count = op.repeats() ? rcx & op.mask : 1;
    if (count == 0) return kLeafDone;  // not even RCX' upper half changes under prefix 67
    const bool reads = meta.kind == StringMeta::kMovs || meta.kind == StringMeta::kLods || meta.kind == StringMeta::kCmps;
    const bool uses_di = meta.kind != StringMeta::kLods;
    u64 n = count, source = 0, destination = 0;
    if (reads) {
        const Gva va = linear(f, rsi & op.mask, segment);
        n = least(n, elements_in_segment(op, rsi & op.mask, segment));
        n = least(n, elements_in_page(va, op.size, op.backward()));
        if (n == 0 || (source = host_of(f, va, kAccessRead, meta.view)) == 0) return kLeafSlow;
    }
    if (uses_di) {
        const bool writes = meta.kind == StringMeta::kMovs || meta.kind == StringMeta::kStos;
        const Gva va = linear(f, rdi & op.mask, kEs);
        n = least(n, elements_in_segment(op, rdi & op.mask, kEs));
        n = least(n, elements_in_page(va, op.size, op.backward()));
        if (n == 0 || (destination = host_of(f, va, writes ? kAccessWrite : kAccessRead, meta.view)) == 0) return kLeafSlow;
    }
    // The destination's fill may have replaced the source's entry, not its host page: `source` stays good.
    bool complete = false;
    switch (meta.kind) {
        case StringMeta::kMovs:
            if (op.backward()) copy_backward(destination, source, n, op.size);
            else copy_forward(destination, source, n, op.size);
            break;
        case StringMeta::kStos: fill_memory(destination, s.gpr[kRax], n, op.size, op.backward()); break;
        case StringMeta::kLods: {
            n = op.repeats() ? n : 1;
            const u64 value = load(op.backward() ? source - (n - 1) * op.size : source + (n - 1) * op.size, op.size);
            u64& rax = s.gpr[kRax];
            const u64 keep = op.size >= 4 ? 0 : ~u64{0} << (op.size * 8);
            rax = (rax & keep) | value;
            break;
        }
        default: complete = compare_run(op, source, destination, n, s.gpr[kRax], flags, n); break;
    }
    if (reads) advance(op, rsi, n);
    if (uses_di) advance(op, rdi, n);
    if (!op.repeats()) return kLeafDone;
    set_part(rcx, (rcx & op.mask) - n, op.mask);
    return complete || n == count ? kLeafDone : kLeafMore;
}

}  // namespace twin86::jit
