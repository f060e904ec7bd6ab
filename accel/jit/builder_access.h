// BlockBuilder::access: the frame around every memory operand. Included by builder.h because `op` is a template.
#pragma once

namespace twin86::jit {

/// The operand of `insn`; op() uses at().
template <class Op>
void BlockBuilder::access_operand(const Insn& insn, unsigned size, u8 kind, Op&& op, bool needs_temp) {
    stack_access_ = false;
    if (fold(insn, needs_temp)) return op();
    linear_address(insn);
    access(size, kind, op);
}

/// The stack slot at SP + displacement.
template <class Op>
void BlockBuilder::access_stack(i32 displacement, unsigned size, u8 kind, Op&& op) {
    if (fold_stack(kRsp, displacement)) return op();
    stack_address(displacement, size, kind);
    access(size, kind, op);
}

template <class Op>
void BlockBuilder::access(unsigned size, u8 kind, Op&& op) {
    at_ = {};
    delta_anchor_ = kAnchorNone;
    delta_kept_ = false;
    if (through_window()) {
        window_address();
        return op();
    }
    const u32 guest_offset = offset_in_block(*current_);
    const ProbeTemplate& probe = buffer_.probes.get(mode_.view(), kind & kAccessWrite, flags_live_ != 0);
    const AccessMeta meta = access_meta(size, kind);
    u32 miss_fixup = 0;
    const u32 retry = static_cast<u32>(a.offset());
    begin_probe(probe, size, miss_fixup);
    const u32 go = static_cast<u32>(a.offset());
    op();
    const u32 after = static_cast<u32>(a.offset());

    cold();
    point(guest_offset);
    buffer_.local_fixups[miss_fixup].to = static_cast<u32>(a.offset());
    slow_call(probe, meta, retry);
    if (kind & kAccessWrite) {
        // The run loop has put the old contents into the bounce buffer at rbp: run the instruction there, write it back.
        op();
        point(guest_offset + current_->length);
        call(context_.thunks.exit_commit);
        jump_to(false, after);
    } else {
        jump_to(false, go);
    }
    hot();
}

void BlockBuilder::push_value(unsigned bytes, auto&& store) {
    goes_on_ = true;
    access_stack(-static_cast<i32>(bytes), bytes, kAccessWrite, store);
    goes_on_ = false;
    adjust_sp(-static_cast<i32>(bytes));
}

}  // namespace twin86::jit
