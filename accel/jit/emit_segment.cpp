// Segment bases, limits and types of memory operands. SDM vol. 3, 5.3 and 5.5. Flat segments cost nothing, others an
// addition, limits a compare; what is rarer, and what fails, is decided in C++ (slow_segment.cpp).
#include <cstring>

#include "accel/jit/builder.h"

namespace twin86::jit {

using namespace asmjit;

namespace {

/// The elements of VMASKMOV and its kin raise no #AC (SDM vol. 2, VMASKMOV), those of EVEX forms on AMD do. Compressing stores go
/// by elements without a mask too, up to Zen 4 (CpuTraits::packs_whole).
u8 checked_element(const Insn& insn) {
    const bool single = insn.mem.suppresses_faults || (insn.mem.packed_by_mask && (insn.mem.access & kAccessWrite));
    return insn.has_mem && single && insn.encoding == Encoding::kEvex ? insn.mem.element_size : u8{0};
}

}  // namespace

/// Outside of 64-bit mode linear addresses are 32 bits wide.
void BlockBuilder::to_linear(u8 segment, unsigned size, u8 kind) {
    const SegmentCheck check = mode_.check(segment, kind & kAccessWrite);
    if (kind != kAccessNone) check_segment(segment, size, kind);
    if (check == SegmentCheck::kNothing) return;
    a.mov(x86::r10, field(segment_field(segment, offsetof(Segment, base))));
    if (mode_.has(Mode::kCode64)) a.lea(x86::rbp, x86::ptr(x86::rbp, x86::r10));
    else a.lea(x86::ebp, x86::ptr(x86::rbp, x86::r10));
}

void BlockBuilder::check_segment(u8 segment, unsigned size, u8 kind) {
    const SegmentCheck check = mode_.check(segment, kind & kAccessWrite);
    const bool always = check == SegmentCheck::kFull || (mode_.has(Mode::kAligned) && size > 1);
    if (!always && check != SegmentCheck::kLimit) return;
    const bool masked = current_->has_mem && current_->mem.suppresses_faults;
    const bool aligned = current_->has_mem && current_->mem.aligned;
    const SegmentMeta meta{static_cast<u16>(size), kind, segment, masked, waits_for_x87(*current_), aligned, checked_element(*current_)};
    if (masked) new_helper(*current_);  // says which elements are selected
    const Label beyond = a.newLabel(), good = a.newLabel();
    if (always) a.long_().jmp(beyond);
    else compare_with_limit(segment, size, beyond);
    a.bind(good);

    cold();
    point(offset_in_block(*current_));
    a.bind(beyond);
    if (!always && flags_live_ != 0) a.mov(x86::rcx, field(offsetof(JitFrame, save_rcx)));
    call(context_.thunks.exit_segment);
    a.embed(&meta, sizeof meta);
    long_jump(good);
    hot();
}

/// Goes to `beyond` when the last byte lies above the limit. Live flags are kept: the difference's upper half decides.
void BlockBuilder::compare_with_limit(u8 segment, unsigned size, const Label& beyond) {
    const x86::Mem limit = field(segment_field(segment, offsetof(Segment, limit)), 4);
    const i32 more = static_cast<i32>(size) - 1;
    a.mov(x86::r10d, limit);
    if (flags_live_ == 0) {
        a.sub(x86::r10, x86::rbp);
        a.cmp(x86::r10, more);
        return (void)a.long_().jl(beyond);
    }
    const Label within = a.newLabel();
    a.not_(x86::rbp);  // -offset - 1
    a.lea(x86::r10, x86::ptr(x86::r10, x86::rbp, 0, 1 - more));
    a.not_(x86::rbp);
    a.mov(field(offsetof(JitFrame, save_rcx)), x86::rcx);
    a.rorx(x86::rcx, x86::r10, 32);
    a.jecxz(x86::ecx, within);
    long_jump(beyond);
    a.bind(within);
    a.mov(x86::rcx, field(offsetof(JitFrame, save_rcx)));
}

}  // namespace twin86::jit
