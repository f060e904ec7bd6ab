#include "accel/jit/region_hints.h"

#include "accel/jit/block.h"

namespace twin86::jit {

void RegionHints::begin(const u64* gpr) {
    for (unsigned r = 0; r < 16; ++r) hint_[r] = RegionSite::of(gpr[r]);
}

void RegionHints::follow(const Insn& i) {
    if (i.encoding != Encoding::kLegacy || i.map != 0 || i.operand_bits != 64) return;
    const bool load = i.opcode == 0x8b && i.has_mem;
    if (i.op == Op::kLea && i.mem.base != kNoGpr) {
        hint_[i.reg_field] = hint_[i.mem.base];
    } else if (load && i.mem.base != kNoGpr && i.mem.base != kRsp && i.mem.base != kRbp) {
        hint_[i.reg_field] = hint_[i.mem.base];
    } else if (!i.has_mem && i.opcode == 0x89) {
        hint_[i.rm_field] = hint_[i.reg_field];
    } else if (!i.has_mem && i.opcode == 0x8b) {
        hint_[i.reg_field] = hint_[i.rm_field];
    }
}

}  // namespace twin86::jit
