// BlockBuilder::access: the frame around every memory operand. Included by builder.h because `op` is a template.
#pragma once

namespace twin86::jit {

template <class Op>
void BlockBuilder::access(unsigned size, u8 kind, Op&& op) {
    Label retry = a.newLabel(), go = a.newLabel(), after = a.newLabel(), miss = a.newLabel();
    const u32 guest_offset = static_cast<u32>(offset_in_page(current_->rip)) - block_.page_offset();
    a.bind(retry);
    if (flags_live_ == 0) probe_dead_flags(size, kind, miss);
    else probe_live_flags(size, kind, miss);
    a.bind(go);
    op();
    a.bind(after);

    cold();
    point(guest_offset);
    a.bind(miss);
    slow_call(size, kind, retry);
    if (kind & kAccessWrite) {
        // The run loop has put the old contents into the bounce buffer at rbp: run the instruction there, write it back.
        op();
        point(guest_offset + current_->length);
        call(context_.thunks.exit_commit);
        long_jump(after);
    } else {
        long_jump(go);
    }
    hot();
}

void BlockBuilder::push_value(unsigned bytes, auto&& store) {
    stack_address(-static_cast<i32>(bytes));
    access(bytes, kAccessWrite, store);
    adjust_sp(-static_cast<i32>(bytes));
}

}  // namespace twin86::jit
