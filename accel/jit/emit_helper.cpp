// Instructions that run in C++: the block is left, the run loop executes the slow path and, but for EndBlock ops, comes
// back.
#include "accel/jit/builder.h"

namespace twin86::jit {

using namespace asmjit;

void BlockBuilder::helper_call(const Insn& insn, bool ends_block) {
    HelperSite* site = new_helper(insn);
    site->ends_block = ends_block;
    leave(context_.thunks.exit_helper, site);
}

/// Whether a leaf helper may know how to do it.
bool BlockBuilder::may_transfer(const Insn& insn) const {
    const bool to_user = (insn.op == Op::kSysret || insn.op == Op::kIret) && insn.operand_bits == 64;
    return mode_.has(Mode::kCode64) && !steps() && (insn.op == Op::kSyscall || (to_user && mode_.has(Mode::kRing0)));
}

void BlockBuilder::emit_transfer(const Insn& insn) {
    HelperSite* site = new_helper(insn);
    site->ends_block = ended_ = true;
    load_rip(kHostAddress, insn.next_rip());
    leave(context_.thunks.leaf_transfer, site);
}

void BlockBuilder::emit_helper(const Insn& insn) {
    if (may_transfer(insn)) return emit_transfer(insn);
    const bool ends_block = insn.klass == InsnClass::kEndBlock;
    helper_call(insn, ends_block);
    if (ends_block) ended_ = true;
}

/// The slow path of an instruction that is emitted inline. Without `back` it leaves the block: the mode may change.
void BlockBuilder::cold_helper(const Insn& insn, const Label& entry, const Label* back) {
    cold();
    point(offset_in_block(insn));
    a.bind(entry);
    helper_call(insn, back == nullptr);
    if (back != nullptr) long_jump(*back);
    hot();
}

void BlockBuilder::raise(const Insn& insn, Vector vector) {
    HelperSite* site = new_helper(insn);
    site->vector = vector;
    leave(context_.thunks.exit_raise, site);
}

void BlockBuilder::emit_raise(const Insn& insn, Vector vector) {
    raise(insn, vector);
    ended_ = true;
}

}  // namespace twin86::jit
