// The delta of the window that RSP points into, frame.stack_delta: right at each entry of 64-bit code in windows and
// after each instruction of it, so that no stack access has to find it out.
//
// Accesses through it may lie Anchors::kReach from RSP, and the guard space around windows is wider by far more than
// RSP can move unseen: what writes RSP finds the delta anew, but for what moves it by a constant. Behind that an access
// near RSP, which faults in the guard space, comes before the block is left, or else the delta is found anew too. Who
// else changes RSP, the mode or the windows enters code through JitVcpu::enter or the leaf helper of transfers.
#include <utility>

#include "accel/jit/builder.h"
#include "accel/jit/register_effects.h"

namespace twin86::jit {

using namespace asmjit;

static_assert(Anchors::kReach + 2 * (kMaxBlockInsns + 1) * kLargestAdjustment < WindowArea::kGuardSize);

namespace {

/// Leaves the block for another one, at least on one path.
bool branches(const Insn& insn) {
    switch (insn.op) {
        case Op::kJcc:
        case Op::kJmpRel:
        case Op::kJmpRm:
        case Op::kLoop:
        case Op::kLoope:
        case Op::kLoopne:
        case Op::kJcxz:
            return true;
        default:
            return false;
    }
}

}  // namespace

/// By RSP as it is; changes r10 and no flags.
void BlockBuilder::emit_stack_delta() {
    select_delta(kHostOf[kRsp]);
    a.mov(field(offsetof(JitFrame, stack_delta)), x86::r10);
    stack_moved_ = false;
}

/// A stack instruction has moved RSP. One whose access took another way than the window's has touched nothing.
void BlockBuilder::moved_by_stack_op() {
    if (keeps_stack_delta() && !stack_touched_) emit_stack_delta();
}

/// After each instruction.
void BlockBuilder::follow_stack(const Insn& insn) {
    const bool touched = std::exchange(stack_touched_, false);
    if (!keeps_stack_delta() || ended_) return;
    if (touched) stack_moved_ = false;
    if (!(explicitly_written(insn) & 1u << kRsp)) return;
    if (moves_a_little(insn, kRsp)) return (void)(stack_moved_ = true);
    emit_stack_delta();
    delta_anchor_ = kRsp;
}

/// Before an instruction that may leave the block. CALL and RET touch the stack themselves.
void BlockBuilder::settle_stack(const Insn& next) {
    if (branches(next)) settle_stack();
}

void BlockBuilder::settle_stack() {
    if (!stack_moved_) return;
    emit_stack_delta();
    delta_anchor_ = kRsp;
}

}  // namespace twin86::jit
