// The addresses of the last x87 instruction and its operand, which the processor keeps: they are those of emitted code.
#include <cstring>

#include "accel/jit/jit_vcpu.h"

namespace twin86::jit {

/// FIP becomes the guest's RIP. Where the operand was is known as a host address only: FDP becomes 0.
void JitVcpu::map_x87_pointers() {
    u8* area = frame_.cpu.xsave;
    u64 fip = 0;
    std::memcpy(&fip, area + kXsaveFip, sizeof fip);
    const u8* pc = reinterpret_cast<const u8*>(fip);
    if (!cache_->contains(pc)) return;  // FNINIT, or loaded by the guest
    const Block* block = blocks_.at_code(pc);
    // The block's first RIP: of a page that is mapped in several places one is as good as the other.
    const u64 rip = block != nullptr ? block->rip + block->point_at(pc).guest_offset : 0;
    std::memcpy(area + kXsaveFip, &rip, sizeof rip);
    std::memset(area + kXsaveFdp, 0, sizeof rip);
}

}  // namespace twin86::jit
