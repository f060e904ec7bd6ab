#include <cstring>

#include "cpu/decode/fill.h"

namespace twin86 {

namespace {

bool is_gpr(ZydisRegister reg) { return reg >= ZYDIS_REGISTER_AL && reg <= ZYDIS_REGISTER_R15; }
bool is_high_byte(ZydisRegister reg) { return reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH; }

/// The number of the full register: AH belongs to rax.
u8 gpr_number(ZydisRegister reg) {
    if (reg >= ZYDIS_REGISTER_RAX) return reg - ZYDIS_REGISTER_RAX;
    if (reg >= ZYDIS_REGISTER_EAX) return reg - ZYDIS_REGISTER_EAX;
    if (reg >= ZYDIS_REGISTER_AX) return reg - ZYDIS_REGISTER_AX;
    if (reg >= ZYDIS_REGISTER_SPL) return reg - ZYDIS_REGISTER_SPL + kRsp;
    return (reg - ZYDIS_REGISTER_AL) & 3;
}

/// The number as the encoding has it, without the REX byte's say: AH is 4, like SPL.
u8 field_number(ZydisRegister reg) {
    if (!is_gpr(reg)) return static_cast<u8>(ZydisRegisterGetId(reg));
    return is_high_byte(reg) ? reg - ZYDIS_REGISTER_AL : gpr_number(reg);
}

bool reads(const ZydisDecodedOperand& operand) { return operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ; }
bool writes(const ZydisDecodedOperand& operand) { return operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE; }

/// A write of 8 or 16 bits, or one that may not happen, keeps (parts of) the old value.
bool keeps_old_value(const ZydisDecodedInstruction& from, const ZydisDecodedOperand& operand) {
    if (operand.actions & ZYDIS_OPERAND_ACTION_CONDWRITE) return true;
    if (operand.size == 8 || operand.size == 16) return true;
    return from.mnemonic == ZYDIS_MNEMONIC_BSF || from.mnemonic == ZYDIS_MNEMONIC_BSR;  // source zero: unchanged
}

u8* register_field(const ZydisDecodedOperand& operand, Insn& out, u8& mask) {
    switch (operand.encoding) {
        case ZYDIS_OPERAND_ENCODING_MODRM_REG: mask = kFieldReg; return &out.reg_field;
        case ZYDIS_OPERAND_ENCODING_MODRM_RM: mask = kFieldRm; return &out.rm_field;
        case ZYDIS_OPERAND_ENCODING_NDSNDD: mask = kFieldVvvv; return &out.vvvv_field;
        case ZYDIS_OPERAND_ENCODING_OPCODE: mask = kFieldOpcode; return &out.opcode_field;
        default: return nullptr;
    }
}

void add_gpr(const ZydisDecodedInstruction& from, const ZydisDecodedOperand& operand, u8 field_mask, Insn& out) {
    const bool written = writes(operand);
    const bool read = reads(operand) || (written && keeps_old_value(from, operand));
    if (field_mask) {
        out.gpr_fields |= field_mask;
        if (read) out.gpr_read |= field_mask;
        if (written) out.gpr_written |= field_mask;
        if (is_high_byte(operand.reg.value)) {
            out.high_byte = true;
            out.high_fields |= field_mask;
        }
        return;
    }
    const u16 bit = 1 << gpr_number(operand.reg.value);
    if (read) out.implicit_read |= bit;
    if (written) out.implicit_written |= bit;
}

/// Which state the instruction touches, by the class of a register operand.
void note_register_file(ZydisRegister reg, Insn& out) {
    if (reg >= ZYDIS_REGISTER_ST0 && reg <= ZYDIS_REGISTER_MM7) out.uses_fpu = true;
    if ((reg >= ZYDIS_REGISTER_XMM0 && reg <= ZYDIS_REGISTER_ZMM31) || reg == ZYDIS_REGISTER_MXCSR) {
        if (out.encoding == Encoding::kLegacy) out.uses_sse = true;
        else out.uses_avx = true;
    }
    if (reg >= ZYDIS_REGISTER_K0 && reg <= ZYDIS_REGISTER_K7) out.uses_avx = out.uses_avx512 = true;
}

void add_register(const ZydisDecodedInstruction& from, const ZydisDecodedOperand& operand, Insn& out) {
    const ZydisRegister reg = operand.reg.value;
    u8 mask = 0;
    if (u8* field = register_field(operand, out, mask)) *field = field_number(reg);
    if (is_gpr(reg)) add_gpr(from, operand, mask, out);
    else note_register_file(reg, out);
}

u8 access_of(const ZydisDecodedOperand& operand) {
    if (operand.mem.type == ZYDIS_MEMOP_TYPE_AGEN) return kAccessNone;
    return (reads(operand) ? kAccessRead : 0) | (writes(operand) ? kAccessWrite : 0);
}

u8 segment_of(ZydisRegister reg) {
    return reg >= ZYDIS_REGISTER_ES && reg <= ZYDIS_REGISTER_GS ? reg - ZYDIS_REGISTER_ES : kDs;
}

i64 displacement32(const Insn& out) {
    i32 value;
    std::memcpy(&value, out.bytes + out.disp_at, sizeof value);
    return value;
}

void set_memory(const ZydisDecodedOperand& operand, Insn& out) {
    const ZydisDecodedOperandMem& from = operand.mem;
    MemOperand& mem = out.mem;
    out.has_mem = true;
    mem = {};
    mem.rip_relative = from.base == ZYDIS_REGISTER_RIP || from.base == ZYDIS_REGISTER_EIP;
    // SIB.base = 5 with mod = 0 is a displacement without base; with prefix 67 and REX.B the library says r13d.
    const bool no_base = out.has_modrm && out.mod() == 0 && (out.modrm & 7) == 4 && (out.sib & 7) == 5;
    if (is_gpr(from.base) && !no_base) mem.base = gpr_number(from.base);
    mem.vsib = from.type == ZYDIS_MEMOP_TYPE_VSIB;
    if (mem.vsib) mem.index = static_cast<u8>(ZydisRegisterGetId(from.index));
    else if (is_gpr(from.index)) mem.index = gpr_number(from.index);
    if (from.scale) mem.scale = from.scale;
    mem.disp = no_base ? displacement32(out) : from.disp.value;
    mem.segment = segment_of(from.segment);
    mem.access = access_of(operand);
    mem.size = operand.size / 8;
    const unsigned element = operand.element_size / 8;
    mem.element_size = static_cast<u8>(element == 0 || element > 64 ? (mem.size > 64 ? 64 : mem.size) : element);
}

/// Memory operands without encoding bits: the stack ones are left out; of the two of a string instruction the one
/// through rsi is given, because the other is always ES:rdi.
void add_hidden_memory(const ZydisDecodedOperand& operand, Insn& out) {
    const ZydisRegister base = operand.mem.base;
    if (!is_gpr(base)) return;
    const u8 number = gpr_number(base);
    out.implicit_read |= 1 << number;
    if (number == kRsp || number == kRbp) return;
    if (out.has_mem && out.mem.base == kRsi) return;
    set_memory(operand, out);
}

void add_memory(const ZydisDecodedOperand& operand, Insn& out) {
    if (operand.encoding == ZYDIS_OPERAND_ENCODING_NONE) add_hidden_memory(operand, out);
    else set_memory(operand, out);
}

/// EVEX exception classes ending in NF (SDM vol. 2, 2.8) fault for masked-off elements, too.
bool masks_suppress_faults(const ZydisDecodedInstruction& from, const Insn& out) {
    if (out.encoding == Encoding::kVex) {
        return from.mnemonic == ZYDIS_MNEMONIC_VMASKMOVPS || from.mnemonic == ZYDIS_MNEMONIC_VMASKMOVPD ||
               from.mnemonic == ZYDIS_MNEMONIC_VPMASKMOVD || from.mnemonic == ZYDIS_MNEMONIC_VPMASKMOVQ;
    }
    if (!out.mask_register) return false;
    switch (from.mnemonic) {  // classes E4NF that the library does not know
        case ZYDIS_MNEMONIC_VCVTNE2PS2BF16:
        case ZYDIS_MNEMONIC_VGF2P8AFFINEQB:
        case ZYDIS_MNEMONIC_VGF2P8AFFINEINVQB:
        case ZYDIS_MNEMONIC_VDBPSADBW: return false;
        default: break;
    }
    switch (from.meta.exception_class) {
        case ZYDIS_EXCEPTION_CLASS_E1NF:
        case ZYDIS_EXCEPTION_CLASS_E2NF:
        case ZYDIS_EXCEPTION_CLASS_E3NF:
        case ZYDIS_EXCEPTION_CLASS_E4NF:
        case ZYDIS_EXCEPTION_CLASS_E5NF:
        case ZYDIS_EXCEPTION_CLASS_E6NF:
        case ZYDIS_EXCEPTION_CLASS_E9NF:
        case ZYDIS_EXCEPTION_CLASS_E10NF:
        case ZYDIS_EXCEPTION_CLASS_E11NF: return false;
        default: return true;
    }
}

/// Exception classes 1, 2 and 4 of SSE and class 1 of VEX and EVEX (SDM vol. 2, 2.4) ask for alignment, but for the
/// moves and string comparisons that are there to do without.
bool must_be_aligned(const ZydisDecodedInstruction& from, const Insn& out) {
    switch (from.mnemonic) {
        case ZYDIS_MNEMONIC_MOVUPS:
        case ZYDIS_MNEMONIC_MOVUPD:
        case ZYDIS_MNEMONIC_MOVDQU:
        case ZYDIS_MNEMONIC_LDDQU:
        case ZYDIS_MNEMONIC_PCMPESTRI:
        case ZYDIS_MNEMONIC_PCMPESTRM:
        case ZYDIS_MNEMONIC_PCMPISTRI:
        case ZYDIS_MNEMONIC_PCMPISTRM: return false;
        case ZYDIS_MNEMONIC_CVTPD2PI:
        case ZYDIS_MNEMONIC_CVTTPD2PI:
        case ZYDIS_MNEMONIC_CMPXCHG16B: return true;
        default: break;
    }
    if (from.meta.isa_set == ZYDIS_ISA_SET_SHA) return false;  // as Zen has it, whatever the manual's class
    switch (from.meta.exception_class) {
        case ZYDIS_EXCEPTION_CLASS_SSE1:
        case ZYDIS_EXCEPTION_CLASS_SSE2:
        case ZYDIS_EXCEPTION_CLASS_SSE4: return out.uses_sse && out.mem.size == 16;
        case ZYDIS_EXCEPTION_CLASS_AVX1:
        case ZYDIS_EXCEPTION_CLASS_E1:
        case ZYDIS_EXCEPTION_CLASS_E1NF: return true;
        default: return false;
    }
}

/// Whether W, where it is not ignored, is the size of a general register or of its memory operand.
bool w_sizes_general_operand(const ZydisDecodedInstruction& from, const Insn& out) {
    if (out.gpr_fields != 0) return true;
    switch (from.mnemonic) {
        case ZYDIS_MNEMONIC_VMOVD:
        case ZYDIS_MNEMONIC_VPCMPESTRI:
        case ZYDIS_MNEMONIC_VPCMPESTRM:
        case ZYDIS_MNEMONIC_VPINSRD:
        case ZYDIS_MNEMONIC_VPEXTRD:
        case ZYDIS_MNEMONIC_VCVTSI2SS:
        case ZYDIS_MNEMONIC_VCVTSI2SD:
        case ZYDIS_MNEMONIC_VCVTSI2SH:
        case ZYDIS_MNEMONIC_VCVTUSI2SS:
        case ZYDIS_MNEMONIC_VCVTUSI2SD:
        case ZYDIS_MNEMONIC_VCVTUSI2SH: return true;
        default: return false;
    }
}

u8 broadcast_lanes(ZydisBroadcastMode mode) {
    switch (mode) {
        case ZYDIS_BROADCAST_MODE_1_TO_2: return 2;
        case ZYDIS_BROADCAST_MODE_1_TO_4:
        case ZYDIS_BROADCAST_MODE_2_TO_4: return 4;
        case ZYDIS_BROADCAST_MODE_1_TO_8:
        case ZYDIS_BROADCAST_MODE_2_TO_8:
        case ZYDIS_BROADCAST_MODE_4_TO_8: return 8;
        case ZYDIS_BROADCAST_MODE_1_TO_16:
        case ZYDIS_BROADCAST_MODE_2_TO_16:
        case ZYDIS_BROADCAST_MODE_4_TO_16:
        case ZYDIS_BROADCAST_MODE_8_TO_16: return 16;
        case ZYDIS_BROADCAST_MODE_1_TO_32: return 32;
        case ZYDIS_BROADCAST_MODE_1_TO_64: return 64;
        default: return 0;
    }
}

bool is_packed_by_mask(ZydisMnemonic mnemonic) {
    switch (mnemonic) {
        case ZYDIS_MNEMONIC_VCOMPRESSPS:
        case ZYDIS_MNEMONIC_VCOMPRESSPD:
        case ZYDIS_MNEMONIC_VPCOMPRESSB:
        case ZYDIS_MNEMONIC_VPCOMPRESSW:
        case ZYDIS_MNEMONIC_VPCOMPRESSD:
        case ZYDIS_MNEMONIC_VPCOMPRESSQ:
        case ZYDIS_MNEMONIC_VEXPANDPS:
        case ZYDIS_MNEMONIC_VEXPANDPD:
        case ZYDIS_MNEMONIC_VPEXPANDB:
        case ZYDIS_MNEMONIC_VPEXPANDW:
        case ZYDIS_MNEMONIC_VPEXPANDD:
        case ZYDIS_MNEMONIC_VPEXPANDQ: return true;
        default: return false;
    }
}

/// Whether prefix 66 has to be emitted in 64-bit mode: it is part of the opcode, or some operand has 16 bits because of
/// the operand size. Vector and x87 instructions without it as part of the opcode do not know it.
bool needs_host66(const ZydisDecodedInstruction& from, Operands operands, const Insn& out) {
    if (out.encoding != Encoding::kLegacy) return false;
    if (out.mandatory_prefix == 0x66) return true;
    if (from.operand_width != 16 || out.uses_fpu || out.uses_sse) return false;
    for (const ZydisDecodedOperand& operand : operands) {
        if (operand.size != 16) continue;
        if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY) return true;
        if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER && is_gpr(operand.reg.value)) return true;
    }
    return false;
}

/// The library reports the mode's operand size for MOVNTI, CVTSI2SS and others that do not depend on it.
u8 operand_bits_of(const ZydisDecodedInstruction& from, Operands operands, const Insn& out) {
    const bool sized_by_66 = out.host66 && out.mandatory_prefix != 0x66;
    if (from.operand_width != 16 || sized_by_66) return from.operand_width;
    u8 bits = 16;
    for (const ZydisDecodedOperand& operand : operands) {
        if (operand.type != ZYDIS_OPERAND_TYPE_REGISTER || operand.encoding == ZYDIS_OPERAND_ENCODING_NONE) continue;
        if (is_gpr(operand.reg.value) && operand.size > bits) bits = static_cast<u8>(operand.size);
    }
    return bits;
}

/// F3 90 with REX.B is XCHG r8, rax and no PAUSE, which Zydis 4.0 takes it for.
void turn_into_xchg(Insn& out) {
    out.mnemonic = ZYDIS_MNEMONIC_XCHG;
    out.mandatory_prefix = 0;
    out.opcode_field = kR8;
    out.gpr_fields = out.gpr_read = out.gpr_written = kFieldOpcode;
    out.implicit_read = out.implicit_written = 1 << kRax;
}

/// What the operand lists of the library leave out.
void complete(const ZydisDecodedInstruction& from, Insn& out) {
    switch (from.mnemonic) {
        case ZYDIS_MNEMONIC_XLAT: out.implicit_read |= 1 << kRax; break;  // AL is the index
        case ZYDIS_MNEMONIC_PAUSE:
            if (out.rex & 1) turn_into_xchg(out);
            break;
        case ZYDIS_MNEMONIC_FWAIT: out.is_fwait = true; break;
        case ZYDIS_MNEMONIC_VZEROALL:
        case ZYDIS_MNEMONIC_VZEROUPPER: out.uses_avx = true; break;
        case ZYDIS_MNEMONIC_FXSAVE:
        case ZYDIS_MNEMONIC_FXSAVE64:
        case ZYDIS_MNEMONIC_FXRSTOR:
        case ZYDIS_MNEMONIC_FXRSTOR64:
        case ZYDIS_MNEMONIC_EMMS: out.uses_fpu = true; break;
        default: break;
    }
    if (from.meta.isa_ext == ZYDIS_ISA_EXT_X87 && !out.is_fwait) out.uses_fpu = true;
    if (out.encoding == Encoding::kEvex) out.uses_avx = out.uses_avx512 = true;
    if (out.encoding != Encoding::kLegacy && (out.uses_avx || out.uses_avx512)) out.vector_bits = from.avx.vector_length;
}

}  // namespace

void fill_operands(const ZydisDecodedInstruction& from, Operands operands, Insn& out) {
    for (const ZydisDecodedOperand& operand : operands) {
        if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER) add_register(from, operand, out);
        if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY) add_memory(operand, out);
    }
    complete(from, out);
    out.host_w0 = out.encoding != Encoding::kLegacy && out.mode_bits != 64 && w_sizes_general_operand(from, out);
    out.mem.aligned = out.has_mem && must_be_aligned(from, out);
    out.mem.suppresses_faults = out.has_mem && masks_suppress_faults(from, out);
    if (out.has_mem && out.encoding != Encoding::kLegacy) out.mem.broadcast_lanes = broadcast_lanes(from.avx.broadcast.mode);
    out.mem.packed_by_mask = out.has_mem && is_packed_by_mask(from.mnemonic);
    const bool is_xchg_of_16_bits = out.mnemonic == ZYDIS_MNEMONIC_XCHG && from.operand_width == 16;
    out.host66 = is_xchg_of_16_bits || needs_host66(from, operands, out);
    out.operand_bits = operand_bits_of(from, operands, out);
}

}  // namespace twin86
