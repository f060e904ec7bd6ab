// String instructions. In windows 64-bit code runs them natively, on RSI and RDI with their windows' deltas. Elsewhere, and
// for what takes long, a leaf helper runs them page by page; what it cannot do, the run loop does element by element.
#include <algorithm>
#include <bit>

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

bool reads_source(const Insn& insn) { return insn.op != Op::kStos && insn.op != Op::kScas; }
bool repeats(const Insn& insn) { return insn.repe || insn.repne; }

}  // namespace

/// Forward, in flat segments, and not one that kept missing.
bool BlockBuilder::string_in_windows(const Insn& insn) const {
    if (!mode_.has(Mode::kCode64) || insn.address_bits != 64 || mode_.has(Mode::kDown)) return false;
    return segment_checks(insn, mode_) == SegmentCheck::kNothing && through_window(insn);
}

/// Registers with deltas are made the guest's again where the instruction faults: JitVcpu::add_string_deltas.
void BlockBuilder::emit_native_string(const Insn& insn) {
    const bool source = reads_source(insn), destination = insn.op != Op::kLods;
    if (source) select_delta(kRsi, kHostAddress);
    if (destination) select_delta(kRdi, kHostTemp);
    const u8 flags = static_cast<u8>((source ? kSideSource : 0) | (destination ? kSideDestination : 0));
    if (source) a.lea(x86::rsi, x86::ptr(x86::rsi, x86::rbp));
    if (destination) a.lea(x86::rdi, x86::ptr(x86::rdi, x86::r10));
    point(offset_in_block(insn), 0xff, flags);
    if (insn.operand_bits == 16) a.embedUInt8(0x66);
    if (repeats(insn)) a.embedUInt8(insn.repe ? 0xf3 : 0xf2);
    if (insn.operand_bits == 64) a.embedUInt8(0x48);
    a.embedUInt8(insn.opcode);
    point(offset_in_block(insn));
    const auto take_off = [&](const x86::Gp& pointer, const x86::Gp& delta) {
        a.not_(delta);
        a.lea(pointer, x86::ptr(pointer, delta, 0, 1));
    };
    if (source) take_off(x86::rsi, x86::rbp);
    if (destination) take_off(x86::rdi, x86::r10);
}

/// When RCX is beyond what may run without a look at interrupts. Where flags are live it waits in frame.save_rcx then.
void BlockBuilder::branch_if_long(const Insn& insn, const Label& to) {
    const unsigned shift = static_cast<unsigned>(std::countr_zero(insn.operand_bits / 8u));
    if (flags_live_ == 0) {
        a.cmp(x86::rcx, static_cast<i32>(kLongString >> shift));
        return (void)a.long_().jae(to);
    }
    const Label brief = a.newLabel();
    a.mov(field(offsetof(JitFrame, save_rcx)), x86::rcx);
    a.pext(x86::rcx, x86::rcx, field(offsetof(JitFrame, long_string_mask) + shift * sizeof(u64)));
    a.jecxz(x86::rcx, brief);
    long_jump(to);
    a.bind(brief);
    a.mov(x86::rcx, field(offsetof(JitFrame, save_rcx)));
}

/// A page at a time.
void BlockBuilder::emit_string_calls(const Insn& insn, const Label& again, const Label& done) {
    const StringMeta meta = string_meta(insn, mode_);
    const Label more = a.newLabel();
    call(context_.thunks.leaf_string);
    a.embed(&meta, sizeof meta);
    long_jump(done);
    long_jump(more);
    leave(context_.thunks.exit_string, new_helper(insn));
    a.bind(more);
    poll(offset_in_block(insn));
    long_jump(again);
}

void BlockBuilder::emit_string(const Insn& insn) {
    const bool by_element = mode_.has(Mode::kSingleStep) ||  // #DB comes after each element
                            mode_.has(Mode::kAligned) || segment_checks(insn, mode_) == SegmentCheck::kFull;
    if (by_element) {
        leave(context_.thunks.exit_string, new_helper(insn));
        ended_ = true;
        return;
    }
    const Label again = a.newLabel(), done = a.newLabel();
    a.bind(again);
    if (!string_in_windows(insn)) {
        emit_string_calls(insn, again, done);
        a.bind(done);
        return point(offset_in_block(insn));
    }
    if (!repeats(insn)) return emit_native_string(insn);
    const Label calls = a.newLabel();
    branch_if_long(insn, calls);
    emit_native_string(insn);
    a.bind(done);
    cold();
    point(offset_in_block(insn));
    a.bind(calls);
    if (flags_live_ != 0) a.mov(x86::rcx, field(offsetof(JitFrame, save_rcx)));
    emit_string_calls(insn, again, done);
    hot();
}

}  // namespace twin86::jit
