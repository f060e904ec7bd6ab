#include "cpu/decode/fill.h"

namespace twin86 {

namespace {

u8 map_number(ZydisOpcodeMap map) {
    switch (map) {
        case ZYDIS_OPCODE_MAP_0F: return 1;
        case ZYDIS_OPCODE_MAP_0F38: return 2;
        case ZYDIS_OPCODE_MAP_0F3A: return 3;
        case ZYDIS_OPCODE_MAP_0F0F: return 4;
        case ZYDIS_OPCODE_MAP_MAP5: return 5;
        case ZYDIS_OPCODE_MAP_MAP6: return 6;
        default: return 0;
    }
}

u8 segment_of_prefix(u8 byte) {
    switch (byte) {
        case 0x26: return kEs;
        case 0x2e: return kCs;
        case 0x36: return kSs;
        case 0x3e: return kDs;
        case 0x64: return kFs;
        case 0x65: return kGs;
        default: return kNoSegment;
    }
}

/// Of F2 and F3 the last one counts, as in the processor.
void add_prefix(u8 byte, bool mandatory, Insn& out) {
    if (mandatory) out.mandatory_prefix = byte;
    switch (byte) {
        case 0xf0: out.lock = true; return;
        case 0xf2: out.repne = true; out.repe = false; return;
        case 0xf3: out.repe = true; out.repne = false; return;
        case 0x66: out.prefix66 = true; return;
        case 0x67: out.prefix67 = true; return;
        default: break;
    }
    const u8 segment = segment_of_prefix(byte);
    if (segment != kNoSegment && (segment >= kFs || !out.is64())) out.segment_override = segment;
}

void fill_prefixes(const ZydisDecodedInstruction& from, Insn& out) {
    for (unsigned i = 0; i < from.raw.prefix_count; i++) {
        const auto& prefix = from.raw.prefixes[i];
        add_prefix(prefix.value, prefix.type == ZYDIS_PREFIX_TYPE_MANDATORY, out);
    }
    if (from.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY && (from.attributes & ZYDIS_ATTRIB_HAS_REX))
        out.rex = out.bytes[from.raw.rex.offset];
}

void fill_opcode(const ZydisDecodedInstruction& from, Insn& out) {
    out.map = map_number(from.opcode_map);
    out.opcode = from.opcode;
    switch (from.encoding) {
        case ZYDIS_INSTRUCTION_ENCODING_VEX:
            out.encoding = Encoding::kVex;
            out.opcode_at = from.raw.vex.offset + from.raw.vex.size;
            return;
        case ZYDIS_INSTRUCTION_ENCODING_EVEX:
            out.encoding = Encoding::kEvex;
            out.opcode_at = from.raw.evex.offset + 4;
            out.mask_register = from.raw.evex.aaa;
            out.mask_zeroing = from.raw.evex.z;
            return;
        default: {
            static constexpr u8 kEscapeBytes[] = {0, 1, 2, 2, 2, 0, 0};
            out.opcode_at = from.raw.prefix_count + kEscapeBytes[out.map];
        }
    }
}

/// In the one-byte map F3 belongs to the opcode of PAUSE only; with the string instructions it repeats.
void drop_repeat_as_mandatory(Insn& out) {
    if (out.encoding == Encoding::kLegacy && out.map == 0 && out.opcode != 0x90) out.mandatory_prefix = 0;
}

/// Opcode 82 exists outside 64-bit mode only and means 80.
void normalise_alias(Insn& out) {
    if (out.encoding != Encoding::kLegacy || out.map != 0 || out.opcode != 0x82) return;
    out.opcode = 0x80;
    out.bytes[out.opcode_at] = 0x80;
}

void fill_immediates(const ZydisDecodedInstruction& from, Insn& out) {
    const auto& first = from.raw.imm[0];
    const auto& second = from.raw.imm[1];
    out.imm_at = first.size ? first.offset : from.length;
    out.imm_size = from.length - out.imm_at;
    out.imm_signed = first.size && first.is_signed;
    out.imm = first.size ? first.value.s : 0;
    out.imm2 = second.size ? static_cast<u32>(second.value.u) : 0;
}

}  // namespace

void fill_layout(const ZydisDecodedInstruction& from, Insn& out) {
    out.length = from.length;
    out.operand_bits = from.operand_width;
    out.address_bits = from.address_width;
    out.mnemonic = from.mnemonic;
    fill_prefixes(from, out);
    fill_opcode(from, out);
    normalise_alias(out);
    drop_repeat_as_mandatory(out);
    if (from.attributes & ZYDIS_ATTRIB_HAS_MODRM) {
        out.has_modrm = true;
        out.modrm = out.bytes[from.raw.modrm.offset];
        out.reg_field = from.raw.modrm.reg;
        out.rm_field = from.raw.modrm.rm;
    }
    if (from.attributes & ZYDIS_ATTRIB_HAS_SIB) out.sib = out.bytes[from.raw.sib.offset];
    out.disp_size = from.raw.disp.size / 8;
    out.disp_at = out.disp_size ? from.raw.disp.offset : from.length;
    fill_immediates(from, out);
}

}  // namespace twin86
