#include "cpu/decode/decode_memo.h"

#include <cstring>

#include "base/bits.h"

namespace twin86 {

namespace {

bool is_legacy_prefix(u8 b) {
    switch (b) {
        case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65:
        case 0x66: case 0x67: case 0xf0: case 0xf2: case 0xf3: return true;
        default: return false;
    }
}

bool is_rex(u8 b) { return (b & 0xf0) == 0x40; }

enum class Form { kUnknown, kPlain, kModrm };

/// One-byte opcodes of 64-bit mode. SDM vol. 2, appendix A, table A-2.
Form one_byte_form(u8 op) {
    if (op < 0x40) return (op & 7) < 4 ? Form::kModrm : Form::kPlain;
    if (op >= 0x80 && op < 0x8f) return Form::kModrm;
    switch (op) {
        case 0x63: case 0x69: case 0x6b: case 0xc0: case 0xc1: case 0xc6: case 0xc7: case 0xd0: case 0xd1: case 0xd2:
        case 0xd3: case 0xd8: case 0xd9: case 0xda: case 0xdb: case 0xdc: case 0xdd: case 0xde: case 0xdf: case 0xf6:
        case 0xf7: case 0xfe: case 0xff: return Form::kModrm;
        case 0x62: case 0x8f: case 0xc4: case 0xc5: case 0xc8: return Form::kUnknown;  // EVEX, XOP, VEX, two immediates
        default: return Form::kPlain;
    }
}

/// Opcodes behind 0F. The same, table A-3.
Form two_byte_form(u8 op) {
    if (op >= 0x80 && op <= 0x8f) return Form::kPlain;
    if (op >= 0xc8 && op <= 0xcf) return Form::kPlain;
    if (op >= 0x40 && op <= 0x76) return Form::kModrm;
    if (op >= 0x10 && op <= 0x1f) return Form::kModrm;
    if (op >= 0x28 && op <= 0x2f) return Form::kModrm;
    if (op >= 0x90 && op <= 0x9f) return Form::kModrm;
    switch (op) {
        case 0xa3: case 0xa4: case 0xa5: case 0xab: case 0xac: case 0xad: case 0xae: case 0xaf: return Form::kModrm;
        case 0x05: case 0x31: case 0xa2: return Form::kPlain;
        default: return op >= 0xb0 && op <= 0xfe ? Form::kModrm : Form::kUnknown;
    }
}

/// The count of these decides about flags: it belongs to the head.
bool is_shift_by_immediate(bool escaped, u8 op) { return escaped ? op == 0xa4 || op == 0xac : op == 0xc0 || op == 0xc1; }

i64 number(const u8* at, unsigned size, bool extended) {
    u64 value = 0;
    std::memcpy(&value, at, size);
    return extended ? static_cast<i64>(sign_extend(value, size)) : static_cast<i64>(value);
}

}  // namespace

/// Prefixes, opcode, ModRM and SIB.
DecodeMemo::Head DecodeMemo::head_of(std::span<const u8> bytes) {
    constexpr unsigned kMost = 8;
    if (bytes.size() < kMost) return {};
    unsigned n = 0;
    while (n < 3 && is_legacy_prefix(bytes[n])) ++n;
    if (is_rex(bytes[n])) ++n;
    if (is_legacy_prefix(bytes[n]) || is_rex(bytes[n])) return {};
    const bool escaped = bytes[n] == 0x0f;
    if (escaped) ++n;
    const u8 op = bytes[n++];
    const Form form = escaped ? two_byte_form(op) : one_byte_form(op);
    if (form == Form::kUnknown) return {};
    if (form == Form::kModrm) {
        const u8 modrm = bytes[n++];
        const bool memory = modrm < 0xc0;
        if (memory && (modrm & 7) == 4) ++n;
        if (is_shift_by_immediate(escaped, op)) {
            if (memory) return {};  // a displacement may stand before the count
            ++n;
        }
    }
    if (n > kMost) return {};
    Head head{.length = static_cast<u8>(n)};
    std::memcpy(&head.bytes, bytes.data(), n);
    return head;
}

/// `model` with the numbers of these bytes.
void DecodeMemo::retell(const Insn& model, std::span<const u8> bytes, u64 rip, Insn& out) {
    out = model;
    out.rip = rip;
    std::memcpy(out.bytes, bytes.data(), model.length);
    if (model.has_mem && model.disp_size != 0) out.mem.disp = number(out.bytes + model.disp_at, model.disp_size, true);
    if (model.imm_size != 0) out.imm = number(out.bytes + model.imm_at, model.imm_size, model.imm_signed);
}

DecodeStatus DecodeMemo::decode(std::span<const u8> bytes, u64 rip, unsigned mode_bits, Insn& out) {
    const Head head = mode_bits == 64 ? head_of(bytes) : Head{};
    if (head.length == 0) return decoder_.decode(bytes, rip, mode_bits, out);
    Entry& entry = entries_[(head.bytes * 0x9e3779b97f4a7c15) >> 53];
    if (entry.head == head && entry.insn.length <= bytes.size()) {
        ++counters_.hits;
        retell(entry.insn, bytes, rip, out);
        return DecodeStatus::kOk;
    }
    ++counters_.misses;
    const DecodeStatus status = decoder_.decode(bytes, rip, mode_bits, out);
    if (status == DecodeStatus::kOk) entry = {head, out};
    return status;
}

}  // namespace twin86
