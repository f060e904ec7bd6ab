// Runs of PUSH or POP, with the CALL or RET at the end, outside of windows: one probe for all slots. Where that finds a fault,
// a device or code the first instruction runs by itself, and the rest as another block: JitVcpu::run_first.
#include <algorithm>

#include "accel/jit/builder.h"

namespace twin86::jit {

using namespace asmjit;

namespace {

constexpr u32 kSlot = 8;
constexpr std::size_t kLongestRun = 8;

/// What the instruction does to the one stack slot that it accesses; none: it does more.
AccessKind slot_access(const Insn& i) {
    if (i.operand_bits != 64) return kAccessNone;
    switch (i.op) {
        case Op::kPushReg: return i.opcode_field == kRsp ? kAccessNone : kAccessWrite;
        case Op::kPopReg: return i.opcode_field == kRsp ? kAccessNone : kAccessRead;
        case Op::kPushImm:
        case Op::kCallRel: return kAccessWrite;
        case Op::kRet:
        case Op::kRetImm: return kAccessRead;
        default: return kAccessNone;
    }
}

}  // namespace

/// How many of the instructions, from the first on, are a run.
std::size_t BlockBuilder::stack_run(std::span<const Insn> insns) const {
    const Mode mode = block_.key.mode;
    const AccessKind kind = slot_access(insns.front());
    if (kind == kAccessNone || !mode.has(Mode::kCode64) || mode.has(Mode::kWindows | Mode::kAligned) || steps()) return 0;
    if (mode_.check(kSs, kind == kAccessWrite) != SegmentCheck::kNothing) return 0;
    const auto candidates = insns.first(std::min(insns.size(), kLongestRun));
    const auto end = std::ranges::find_if(candidates, [&](const Insn& i) { return slot_access(i) != kind; });
    const auto length = static_cast<std::size_t>(end - candidates.begin());
    return length > 1 && begins_run(insns.front()) ? length : 0;
}

void BlockBuilder::emit_stack_run(std::span<const Insn> run) {
    const Insn& last = run.back();
    const u32 size = kSlot * static_cast<u32>(run.size());
    const AccessKind kind = slot_access(last);
    const bool writes = kind == kAccessWrite;
    stack_address(writes ? -static_cast<i32>(size) : 0, size, kind);
    access(size, static_cast<u8>(kind | kAccessRun), [&] {
        for (u32 n = 0; n < run.size(); ++n) {
            const u32 slot = writes ? static_cast<u32>(run.size()) - 1 - n : n;
            access_slot(run[n], x86::Mem(x86::rbp, static_cast<i32>(slot * kSlot), kSlot));
        }
    });
    const i32 released = last.op == Op::kRetImm ? static_cast<i32>(last.imm & 0xffff) : 0;
    adjust_sp(writes ? -static_cast<i32>(size) : static_cast<i32>(size) + released);
    current_ = &last;
    if (last.op == Op::kCallRel) {
        note_branch(last, -static_cast<i32>(kSlot), 0);
        chain_to(branch_target(last));
    } else if (last.op == Op::kRet || last.op == Op::kRetImm) {
        note_branch(last, static_cast<i32>(kSlot) + released, 0);
        indirect(64);
    }
}

/// RET leaves what it reads in rbp, where the address was: it is the last one.
void BlockBuilder::access_slot(const Insn& insn, const x86::Mem& slot) {
    switch (insn.op) {
        case Op::kPushReg: return (void)a.mov(slot, host64(read_gpr(insn.opcode_field, kHostTemp)));
        case Op::kPushImm: return (void)a.mov(slot, static_cast<i32>(insn.imm));
        case Op::kCallRel: load_rip(kHostTemp, insn.next_rip()); return (void)a.mov(slot, x86::r10);
        case Op::kPopReg: {
            const u8 guest = insn.opcode_field, host = in_memory(guest) ? kHostTemp : kHostOf[guest];
            a.mov(host64(host), slot);
            return write_gpr(guest, host);
        }
        default: return (void)a.mov(x86::rbp, slot);
    }
}

}  // namespace twin86::jit
