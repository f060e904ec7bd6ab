// The last x87 instruction and its operand, which the processor keeps: what it knows are addresses of emitted code and of
// host memory, and an opcode with registers renamed. SDM vol. 1, 8.1.8 and 8.1.9.
#include <cstring>

#include "accel/jit/jit_vcpu.h"
#include "cpu/semantics/memory.h"

namespace twin86::jit {

namespace {

bool is_x87(const Insn& i) { return i.encoding == Encoding::kLegacy && i.map == 0 && (i.opcode & 0xf8) == 0xd8; }

template <class T>
T read(const u8* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

}  // namespace

/// The offset of the operand, if the registers are still those that it was accessed with: then its place in the page is
/// right. Otherwise 0; and registers of the kernel say nothing about a user's operand.
u64 JitVcpu::x87_data_pointer(const Block& block, const Insn& insn, u64 host) {
    if (host == 0 || !insn.has_mem || block.key.mode.has(Mode::kUser) != (frame_.cpu.cpl() == 3)) return 0;
    return (linear_address(cpu_, insn) ^ host) % kPageSize == 0 ? effective_address(cpu_, insn) : 0;
}

/// FIP becomes the guest's RIP, FOP its opcode, FDP the offset of its operand.
void JitVcpu::map_x87_pointers() {
    u8* area = frame_.cpu.xsave;
    const u8* pc = reinterpret_cast<const u8*>(read<u64>(area + kXsaveFip));
    if (!cache_->contains(pc)) return;  // FNINIT, or loaded by the guest
    u64 rip = 0, data = 0;
    u16 opcode = 0;
    if (const Block* block = blocks_.at_code(pc); block != nullptr) {
        const u32 guest_offset = block->point_at(pc).guest_offset;
        // The block's first RIP: of a page that is mapped in several places one is as good as the other.
        rip = block->rip + guest_offset;
        Insn insn;
        if (decode_again(*block, guest_offset, rip, insn) && is_x87(insn)) {
            data = x87_data_pointer(*block, insn, read<u64>(area + kXsaveFdp));
            opcode = static_cast<u16>((insn.opcode & 7) << 8 | insn.modrm);
        }
    }
    std::memcpy(area + kXsaveFip, &rip, sizeof rip);
    std::memcpy(area + kXsaveFdp, &data, sizeof data);
    if (read<u16>(area + kXsaveFop) != 0) std::memcpy(area + kXsaveFop, &opcode, sizeof opcode);
}

}  // namespace twin86::jit
