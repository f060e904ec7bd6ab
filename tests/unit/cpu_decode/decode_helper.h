// Decoding of hand-assembled bytes, and enumeration of encodings, for the tests of cpu/decode.
#pragma once

#include <array>
#include <cctype>
#include <functional>
#include <string_view>
#include <vector>

#include "cpu/decode/decoder.h"

namespace twin86 {

inline std::vector<u8> from_hex(std::string_view hex) {
    std::vector<u8> bytes;
    int high = -1;
    for (const char c : hex) {
        if (!std::isxdigit(static_cast<unsigned char>(c))) continue;
        const int digit = std::isdigit(static_cast<unsigned char>(c)) ? c - '0' : (c | 0x20) - 'a' + 10;
        if (high < 0) {
            high = digit;
        } else {
            bytes.push_back(static_cast<u8>(high << 4 | digit));
            high = -1;
        }
    }
    return bytes;
}

inline const Decoder& amd_decoder() {
    static const Decoder decoder({.amd_branches = true});
    return decoder;
}

inline DecodeStatus status_of(unsigned mode_bits, std::string_view hex, Insn& out) {
    return amd_decoder().decode(from_hex(hex), 0x1000, mode_bits, out);
}

inline DecodeStatus status_of(unsigned mode_bits, std::string_view hex) {
    Insn insn;
    return status_of(mode_bits, hex, insn);
}

/// Decodes; the caller checks fields. `length` 0 shows a failure.
inline Insn decode(unsigned mode_bits, std::string_view hex) {
    Insn insn;
    if (status_of(mode_bits, hex, insn) != DecodeStatus::kOk) insn.length = 0;
    return insn;
}

using EncodingVisitor = std::function<void(std::span<const u8> bytes, unsigned mode_bits)>;

/// All opcodes of the legacy maps with all mandatory prefixes and ModRM bytes, in all modes.
void visit_legacy_encodings(const EncodingVisitor& visit);
/// All VEX and EVEX opcodes (64-bit mode) with each W, L, vvvv used or not, mask, broadcast, register or memory operand.
void visit_vector_encodings(const EncodingVisitor& visit);

}  // namespace twin86
