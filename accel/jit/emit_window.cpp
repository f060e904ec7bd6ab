// Operands in windows (mmu/windows.h). An operand off one base register is reached by [base + delta + displacement]:
// the base decides about the window, and the guard space around it is wider than a displacement and what stack
// adjustments in one block add. The delta stays in r10 for as long as neither r10 nor the base register changes.
//
// What is not shown faults on the host: the run loop fills the window, or runs the instruction with a probe.
#include "accel/jit/builder.h"

namespace twin86::jit {

using namespace asmjit;

namespace {

constexpr i64 kLargestAdjustment = 1 * MiB;  // times the instructions of a block: well below the guard size

/// ADD RSP, imm and SUB RSP, imm of moderate size.
bool adjusts_sp(const Insn& insn) {
    const bool immediate =
        insn.encoding == Encoding::kLegacy && insn.map == 0 && (insn.opcode == 0x83 || insn.opcode == 0x81);
    const unsigned group = (insn.modrm >> 3) & 7;
    return immediate && !insn.has_mem && (group == 0 || group == 5) && insn.operand_bits == 64 &&
           insn.rm_field == kRsp && insn.imm > -kLargestAdjustment && insn.imm < kLargestAdjustment;
}

bool writes(const Insn& insn, u8 guest) {
    if (insn.implicit_written & (1u << guest)) return true;
    return ((insn.gpr_written & kFieldReg) && insn.reg_field == guest) ||
           ((insn.gpr_written & kFieldRm) && insn.rm_field == guest) ||
           ((insn.gpr_written & kFieldVvvv) && insn.vvvv_field == guest) ||
           ((insn.gpr_written & kFieldOpcode) && insn.opcode_field == guest);
}

bool moves_sp_a_little(const Insn& insn) {
    switch (insn.op) {
        case Op::kPushReg:
        case Op::kPushImm:
        case Op::kPopReg:
            return insn.op != Op::kPopReg || insn.opcode_field != kRsp;
        default:
            return adjusts_sp(insn);
    }
}

}  // namespace

bool BlockBuilder::through_window() const {
    if (!mode_.has(Mode::kWindows)) return false;
    return !context_.wants_probe(context_.self, block_.key.physical + (current_->rip - block_.rip));
}

/// The table entry that r10 selects.
x86::Mem BlockBuilder::window_delta() const {
    return x86::Mem(x86::rsp, x86::r10, 3,
                    static_cast<i32>(offsetof(JitFrame, window) + mode_.view() * sizeof(JitFrame::window[0])), 8);
}

void BlockBuilder::window_address() {
    a.pext(x86::r10, x86::rbp, field(offsetof(JitFrame, window_index_mask)));
    if (flags_live_ == 0) return (void)a.add(x86::rbp, window_delta());
    a.mov(x86::r10, window_delta());
    a.lea(x86::rbp, x86::ptr(x86::rbp, x86::r10));
}

bool BlockBuilder::fold_base(u8 guest, i32 displacement) {
    const u8 host = read_gpr(guest, kHostAddress);
    if (delta_base_ != guest) {
        a.pext(x86::r10, host64(host), field(offsetof(JitFrame, window_index_mask)));
        a.mov(x86::r10, window_delta());
    }
    delta_base_ = guest;
    delta_kept_ = true;
    at_ = {host, true, displacement};
    return true;
}

bool BlockBuilder::fold(const Insn& insn) {
    const MemOperand& m = insn.mem;
    const bool one_base = m.base != kNoGpr && m.index == kNoGpr && !m.rip_relative && insn.address_bits == 64;
    if (!one_base || !block_.key.mode.flat(m.segment) || (insn.high_byte && insn.encoding == Encoding::kLegacy) ||
        !through_window())
        return false;
    // A second temporary may be needed for a register operand: the base then has to be in a register of its own.
    if (in_memory(m.base) && insn.klass != InsnClass::kRewriteMem) return false;
    return fold_base(m.base, static_cast<i32>(m.disp));
}

bool BlockBuilder::fold_stack(i32 displacement) {
    if (!block_.key.mode.has(Mode::kCode64) || !through_window()) return false;
    return fold_base(kRsp, displacement);
}

/// After each instruction: whether r10 still holds the delta of delta_base_.
void BlockBuilder::keep_delta(const Insn& insn) {
    const bool base_moved =
        delta_base_ != kNoGpr && writes(insn, delta_base_) && !(delta_base_ == kRsp && moves_sp_a_little(insn));
    if (!delta_kept_ || base_moved) delta_base_ = kNoGpr;
    delta_kept_ = false;
}

}  // namespace twin86::jit
