// Instructions that run in C++: the block is left, the run loop executes the slow path and, but for EndBlock ops, comes back.
#include "accel/jit/builder.h"

namespace twin86::jit {

using namespace asmjit;

void BlockBuilder::emit_helper(const Insn& insn) {
    HelperSite* site = new_helper(insn);
    site->ends_block = insn.klass == InsnClass::kEndBlock;
    call(context_.thunks.exit_helper);
    a.embedUInt64(reinterpret_cast<u64>(site));
    if (site->ends_block) ended_ = true;
}

void BlockBuilder::emit_raise(const Insn& insn, Vector vector) {
    HelperSite* site = new_helper(insn);
    site->vector = vector;
    call(context_.thunks.exit_raise);
    a.embedUInt64(reinterpret_cast<u64>(site));
    ended_ = true;
}

}  // namespace twin86::jit
