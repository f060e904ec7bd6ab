// Branches to where no instruction can be: beyond the limit of CS, or not canonical. SDM vol. 2, JMP, CALL, RET: the
// branch itself faults. No block exists there, so that the run loop always sees the target, behind the branch: what the
// branch did is taken back.
#include "accel/jit/jit_vcpu.h"
#include "cpu/semantics/memory.h"
#include "cpu/semantics/stack.h"

namespace twin86::jit {

bool JitVcpu::valid_target(u64 rip) const {
    const CpuState& s = frame_.cpu;
    return s.mode64() ? is_canonical(rip, s.cr4) : rip <= s.segment[kCs].limit;
}

/// Raises #GP(0) at the branch that has just left its block. False: the code has only run on to there.
bool JitVcpu::refuse_branch(u64 target) {
    CpuState& s = frame_.cpu;
    const u8* pc = reinterpret_cast<const u8*>(frame_.resume_pc) - 1;
    const Block* block = blocks_.at_code(pc);
    CHECK(block != nullptr, "branch outside of blocks");
    if (target == rip_of(*block, block->guest_size)) return false;
    const u32 guest_offset = block->point_at(pc).guest_offset;
    if (guest_offset == block->branch_offset) {
        set_stack_pointer(s, s.gpr[kRsp] - static_cast<u64>(static_cast<i64>(block->branch_sp)));
        if (const unsigned bits = block->branch_counter_bits) write_gpr(s, kRcx, bits, s.gpr[kRcx] + 1);
    }
    s.rip = rip_of(*block, guest_offset);
    deliver_fault(Outcome::fault(kVectorGP, 0));
    return true;
}

}  // namespace twin86::jit
