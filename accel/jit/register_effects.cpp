#include "accel/jit/register_effects.h"

namespace twin86::jit {

bool is_plain(const Insn& i) {
    return i.klass == InsnClass::kCopy || i.klass == InsnClass::kRewriteMem || i.op == Op::kLea || i.op == Op::kNop ||
           i.op == Op::kPrefetch;
}

u16 written_registers(const Insn& insn) {
    return insn.implicit_written | explicitly_written(insn);
}

u16 explicitly_written(const Insn& insn) {
    if (insn.gpr_written == 0) return 0;
    u16 written = 0;
    const u8 fields[] = {insn.reg_field, insn.rm_field, insn.vvvv_field, insn.opcode_field};
    for (unsigned f = 0; f < 4; ++f) {
        const unsigned guest = insn.high_fields & (1u << f) ? fields[f] & 3 : fields[f];  // AH belongs to RAX
        if (insn.gpr_written & (1u << f)) written |= static_cast<u16>(1u << guest);
    }
    return written;
}

Adjustment adjustment(const Insn& insn) {
    const i64 bytes = insn.operand_bits / 8;
    if (insn.op == Op::kPushReg || insn.op == Op::kPushImm) return {kRsp, -bytes};
    if (insn.op == Op::kPopReg) return {kRsp, bytes};
    if (insn.encoding != Encoding::kLegacy || insn.map != 0 || insn.operand_bits != 64) return {};
    if (insn.op == Op::kLea && insn.address_bits == 64 && insn.mem.base == insn.reg_field && insn.mem.index == kNoGpr)
        return {insn.reg_field, insn.mem.disp};
    if (insn.has_mem) return {};
    const unsigned group = (insn.modrm >> 3) & 7;
    const bool immediate = insn.opcode == 0x81 || insn.opcode == 0x83;
    if (immediate && group == 0) return {insn.rm_field, insn.imm};
    if (immediate && group == 5) return {insn.rm_field, -insn.imm};
    if (insn.opcode == 0xff && group == 0) return {insn.rm_field, 1};
    if (insn.opcode == 0xff && group == 1) return {insn.rm_field, -1};
    return {};
}

bool moves_a_little(const Insn& insn, u8 guest) {
    const Adjustment moves = adjustment(insn);
    const bool popped = insn.op == Op::kPopReg && insn.opcode_field == guest;
    return moves.guest == guest && !popped && magnitude(moves.by) < kLargestAdjustment;
}

}  // namespace twin86::jit
