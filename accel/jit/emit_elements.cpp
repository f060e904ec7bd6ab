// Gathers, scatters and byte-masked stores. With 32-bit indices they run as they are, through a window: all elements lie near their base.
// Otherwise their registers go to the frame, a leaf helper loads or stores the elements, what is loaded comes
// back. Where an element faults, or is no RAM that the TLB can express, the slow path does all of it (vector_memory.cpp).
#include "accel/jit/builder.h"
#include "accel/jit/leaf/leaf.h"
#include "accel/jit/vector_memory.h"
#include "mmu/window_area.h"

namespace twin86::jit {

using namespace asmjit;

namespace {

x86::Vec vector_register(u8 number, unsigned bits) {
    return bits <= 128 ? x86::Vec(x86::xmm(number)) : bits == 256 ? x86::Vec(x86::ymm(number)) : x86::Vec(x86::zmm(number));
}

ElementsMeta elements_meta(const Insn& insn, const Elements& e, u8 view) {
    const u8 scale = static_cast<u8>(__builtin_ctz(insn.mem.scale));
    return {.count = static_cast<u8>(e.count),
            .sizes = static_cast<u8>(e.data_bytes | e.index_bytes << 4),
            .flags = static_cast<u8>(scale | (insn.op == Op::kScatter ? ElementsMeta::kStore : 0) |
                                     (insn.address_bits == 32 ? ElementsMeta::kAddress32 : 0)),
            .place = static_cast<u8>(view | insn.mem.segment << 4)};
}

/// 32-bit indices lead no farther than the space around a window goes.
bool elements_near(const Insn& insn) {
    constexpr u64 kFarthest = (u64{1} << 31) * 8 + (u64{1} << 31);  // index * scale + displacement
    static_assert(kFarthest < WindowArea::kGuardSize);
    return Elements::of(insn).index_bytes == 4 && insn.address_bits == 64;
}

}  // namespace

/// Whether C++ must look at the segment or at the alignment.
bool BlockBuilder::needs_checks(const Insn& insn) const {
    const SegmentCheck check = mode_.check(insn.mem.segment, insn.op != Op::kGather);
    return check == SegmentCheck::kFull || check == SegmentCheck::kLimit || mode_.has(Mode::kAligned);
}

/// The leaf helper; `slow` is where to go when it cannot do it.
void BlockBuilder::elements_call(const ElementsMeta& meta, const Label& slow) {
    call(context_.thunks.leaf_elements);
    a.embed(&meta, sizeof meta);
    long_jump(slow);
}

void BlockBuilder::emit_elements(const Insn& insn) {
    if (needs_checks(insn) || !Elements::allowed(insn)) return emit_helper(insn);
    Insn base = insn;
    base.mem.index = kNoGpr;
    if (elements_near(insn) && mode_.check(insn.mem.segment, false) == SegmentCheck::kNothing && through_window()) {
        effective_address(base, kHostAddress);
        select_delta(kHostAddress);
        a.lea(x86::rbp, x86::ptr(x86::rbp, x86::r10));
        at_ = {};
        return embed(insn, FieldMap::of(insn));
    }
    const Label slow = a.newLabel(), done = a.newLabel();
    select_elements(insn);
    effective_address(base, kHostAddress);
    elements_call(elements_meta(insn, Elements::of(insn), mode_.view()), slow);
    finish_elements(insn);
    a.bind(done);
    cold_helper(insn, slow, &done);
}

/// What the helper needs: the registers' contents, and the mask by numbers of elements.
void BlockBuilder::select_elements(const Insn& insn) {
    const Elements e = Elements::of(insn);
    const bool evex = insn.encoding == Encoding::kEvex;
    const auto store = [&](std::size_t at, u8 number) {
        const x86::Vec v = vector_register(number, insn.vector_bits);
        if (evex) a.vmovdqu32(field(at, 0), v);
        else a.vmovdqu(field(at, 0), v);
    };
    store(offsetof(JitFrame, elements.data), insn.reg_field);
    store(offsetof(JitFrame, elements.indices), insn.mem.index);
    const x86::Vec mask = vector_register(insn.vvvv_field, insn.vector_bits);
    if (evex) a.kmovw(x86::r10d, x86::k(insn.mask_register));
    else if (e.data_bytes == 8) a.vmovmskpd(x86::r10d, mask);
    else a.vmovmskps(x86::r10d, mask);
    a.mov(field(offsetof(JitFrame, elements.selected)), x86::r10);
}

/// The loaded elements, zeros above them, and an empty mask.
void BlockBuilder::finish_elements(const Insn& insn) {
    const unsigned bits = Elements::of(insn).data_bits();
    const bool evex = insn.encoding == Encoding::kEvex;
    const x86::Mem data = field(offsetof(JitFrame, elements.data), 0);
    const x86::Vec to = vector_register(insn.reg_field, bits);
    if (insn.op == Op::kGather) {
        if (bits == 64) a.vmovq(x86::xmm(insn.reg_field), data);
        else if (evex) a.vmovdqu32(to, data);
        else a.vmovdqu(to, data);
    }
    const x86::KReg k = x86::k(insn.mask_register);
    const x86::Xmm mask = x86::xmm(insn.vvvv_field);
    if (evex) a.kxorw(k, k, k);
    else a.vpxor(mask, mask, mask);
}

/// MASKMOVQ and MASKMOVDQU. The store of an MMX register to the frame raises what MASKMOVQ would, and enters its state.
void BlockBuilder::emit_maskmov(const Insn& insn) {
    if (needs_checks(insn) || insn.address_bits == 16) return emit_helper(insn);
    const Label slow = a.newLabel(), done = a.newLabel();
    const x86::Mem data = field(offsetof(JitFrame, elements.data), 0);
    if (insn.uses_fpu) {
        a.movq(data, x86::mm(insn.reg_field));
        a.pmovmskb(x86::r10d, x86::mm(insn.rm_field));
    } else {
        a.movdqu(data, x86::xmm(insn.reg_field));
        a.pmovmskb(x86::r10d, x86::xmm(insn.rm_field));
    }
    a.mov(field(offsetof(JitFrame, elements.selected)), x86::r10);
    effective_address(insn, kHostAddress);
    elements_call({.count = insn.uses_fpu ? u8{8} : u8{16},
                   .sizes = 1,
                   .flags = ElementsMeta::kStore | ElementsMeta::kBytes,
                   .place = static_cast<u8>(mode_.view() | insn.mem.segment << 4)},
                  slow);
    a.bind(done);
    cold_helper(insn, slow, &done);
}

}  // namespace twin86::jit
