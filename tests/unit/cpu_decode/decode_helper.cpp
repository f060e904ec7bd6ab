#include "tests/unit/cpu_decode/decode_helper.h"

#include <initializer_list>

namespace twin86 {

namespace {

using Bytes = std::array<u8, 15>;

void visit_opcode(Bytes bytes, unsigned at, unsigned mode_bits, const EncodingVisitor& visit) {
    for (unsigned modrm = 0; modrm < 256; modrm++) {
        bytes[at] = static_cast<u8>(modrm);
        if ((modrm & 7) == 4 && modrm < 0xc0) bytes[at + 1] = 0x0b;
        visit(bytes, mode_bits);
        bytes[at + 1] = 0;
    }
}

/// Register, plain memory and SIB (for VSIB) operands under each /digit.
void visit_vector_opcode(Bytes bytes, unsigned at, const EncodingVisitor& visit) {
    for (unsigned digit = 0; digit < 8; digit++) {
        for (const u8 form : {0x00, 0x04, 0xc1}) {
            bytes[at] = static_cast<u8>(form | digit << 3);
            bytes[at + 1] = form == 0x04 ? 0x10 : 0;
            visit(bytes, 64);
        }
    }
}

}  // namespace

void visit_legacy_encodings(const EncodingVisitor& visit) {
    static const std::vector<u8> kPrefixes[] = {{}, {0x66}, {0xf2}, {0xf3}, {0x66, 0xf2}, {0x66, 0xf3}};
    static const std::vector<u8> kEscapes[] = {{}, {0x0f}, {0x0f, 0x38}, {0x0f, 0x3a}};
    for (const unsigned mode_bits : {64u, 32u, 16u}) {
        for (const bool rex_w : {false, true}) {
            if (rex_w && mode_bits != 64) continue;
            for (const auto& prefix : kPrefixes) {
                for (const auto& escape : kEscapes) {
                    Bytes bytes{};
                    unsigned at = 0;
                    for (const u8 byte : prefix) bytes[at++] = byte;
                    if (rex_w) bytes[at++] = 0x48;
                    for (const u8 byte : escape) bytes[at++] = byte;
                    for (unsigned opcode = 0; opcode < 256; opcode++) {
                        bytes[at] = static_cast<u8>(opcode);
                        visit_opcode(bytes, at + 1, mode_bits, visit);
                    }
                }
            }
        }
    }
}

void visit_vector_encodings(const EncodingVisitor& visit) {
    for (unsigned choice = 0; choice < 4 * 2 * 2 * 2 * 3; choice++) {  // pp, W, L, vvvv, map
        const unsigned pp = choice & 3, w = choice >> 2 & 1, l = choice >> 3 & 1, v = choice >> 4 & 1;
        const unsigned map = 1 + (choice >> 5);
        for (unsigned opcode = 0; opcode < 256; opcode++) {
            Bytes bytes{0xc4, static_cast<u8>(0xe0 | map),
                        static_cast<u8>(w << 7 | (v ? 0x78 : 0x70) | l << 2 | pp), static_cast<u8>(opcode)};
            visit_vector_opcode(bytes, 4, visit);
        }
    }
    for (unsigned choice = 0; choice < 4 * 2 * 4 * 2 * 2 * 2 * 6; choice++) {  // pp, W, L'L, vvvv, mask, b, map
        const unsigned pp = choice & 3, w = choice >> 2 & 1, l = choice >> 3 & 3, v = choice >> 5 & 1;
        const unsigned mask = choice >> 6 & 1, b = choice >> 7 & 1, map = 1 + (choice >> 8);
        for (unsigned opcode = 0; opcode < 256; opcode++) {
            Bytes bytes{0x62, static_cast<u8>(0xf0 | map), static_cast<u8>(w << 7 | (v ? 0x78 : 0x70) | 4 | pp),
                        static_cast<u8>(l << 5 | b << 4 | 8 | mask), static_cast<u8>(opcode)};
            visit_vector_opcode(bytes, 5, visit);
        }
    }
}

}  // namespace twin86
