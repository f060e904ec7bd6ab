// String instructions: a leaf helper runs them page by page; what it cannot do, the run loop does element by element.
#include <algorithm>

#include "accel/jit/builder.h"
#include "accel/jit/leaf/leaf.h"

namespace twin86::jit {

using namespace asmjit;

namespace {

u8 source_segment(const Insn& insn) { return insn.segment_override != kNoSegment ? insn.segment_override : static_cast<u8>(kDs); }

/// The more that either operand's segment asks for.
SegmentCheck segment_checks(const Insn& insn, Mode mode) {
    SegmentCheck check = SegmentCheck::kNothing;
    if (insn.op != Op::kStos && insn.op != Op::kScas) check = mode.check(source_segment(insn), false);
    const bool writes = insn.op == Op::kMovs || insn.op == Op::kStos;
    if (insn.op != Op::kLods) check = std::min(check, mode.check(kEs, writes));
    return check;
}

StringMeta string_meta(const Insn& insn, Mode mode) {
    StringMeta m{};
    switch (insn.op) {
        case Op::kMovs: m.kind = StringMeta::kMovs; break;
        case Op::kStos: m.kind = StringMeta::kStos; break;
        case Op::kLods: m.kind = StringMeta::kLods; break;
        case Op::kScas: m.kind = StringMeta::kScas; break;
        default: m.kind = StringMeta::kCmps; break;
    }
    m.size = static_cast<u8>(insn.operand_bits / 8);
    m.size |= static_cast<u8>(source_segment(insn) << 4);
    // REPNE repeats MOVS, STOS and LODS just as REP does.
    const bool compares = insn.op == Op::kScas || insn.op == Op::kCmps;
    if (insn.repe || (insn.repne && !compares)) m.flags |= StringMeta::kRep;
    else if (insn.repne) m.flags |= StringMeta::kRepne;
    if (mode.has(Mode::kDown)) m.flags |= StringMeta::kBackward;
    if (insn.address_bits == 32) m.flags |= StringMeta::kAddress32;
    if (insn.address_bits == 16) m.flags |= StringMeta::kAddress16;
    if (insn.address_bits == 16 || segment_checks(insn, mode) != SegmentCheck::kNothing) m.flags |= StringMeta::kBounded;
    m.view = mode.view();
    return m;
}

}  // namespace

void BlockBuilder::emit_string(const Insn& insn) {
    const StringMeta meta = string_meta(insn, mode_);
    const u32 guest_offset = offset_in_block(insn);
    HelperSite* site = new_helper(insn);
    const Label again = a.newLabel(), done = a.newLabel(), more = a.newLabel(), slow = a.newLabel();
    const bool by_element = mode_.has(Mode::kSingleStep) ||  // #DB comes after each element
                            mode_.has(Mode::kAligned) || segment_checks(insn, mode_) == SegmentCheck::kFull;
    if (by_element) {
        leave(context_.thunks.exit_string, site);
        ended_ = true;
        return;
    }
    a.bind(again);
    call(context_.thunks.leaf_string);
    a.embed(&meta, sizeof meta);
    a.long_().jmp(done);
    a.long_().jmp(more);
    a.bind(slow);
    leave(context_.thunks.exit_string, site);
    a.bind(more);
    poll(guest_offset);
    a.jmp(again);
    a.bind(done);
    point(guest_offset);
}

}  // namespace twin86::jit
