#include "cpu/decode/disassemble.h"

#include <Zydis/Zydis.h>
#include <fmt/core.h>

#include <algorithm>

#include "base/check.h"

namespace twin86 {

namespace {

ZydisDecoder decoder_for(unsigned mode_bits) {
    ZydisDecoder decoder;
    if (mode_bits == 64) ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    else if (mode_bits == 32) ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
    else ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
    ZydisDecoderEnableMode(&decoder, ZYDIS_DECODER_MODE_MPX, false);
    return decoder;
}

std::string hex_bytes(std::span<const u8> bytes) {
    std::string text;
    for (const u8 byte : bytes) text += fmt::format("{}{:02x}", text.empty() ? "" : " ", byte);
    return text;
}

}  // namespace

DisassembledLine disassemble_one(std::span<const u8> bytes, u64 address, unsigned mode_bits) {
    CHECK(!bytes.empty());
    const ZydisDecoder decoder = decoder_for(mode_bits);
    ZydisFormatter formatter;
    ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
    ZydisDecodedInstruction instruction;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    char text[256];
    if (ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes.data(), bytes.size(), &instruction, operands)) &&
        ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&formatter, &instruction, operands,
                                                     instruction.operand_count_visible, text, sizeof text, address,
                                                     nullptr))) {
        return {address, instruction.length, text};
    }
    return {address, 1, fmt::format("(bad) {:02x}", bytes[0])};
}

std::string format(const Insn& insn) {
    const size_t length = std::clamp<size_t>(insn.length, 1, 15);
    DisassembledLine line = disassemble_one({insn.bytes, length}, insn.rip, insn.mode_bits);
    if (line.length == length) return line.text;
    return "(bad) " + hex_bytes({insn.bytes, length});
}

std::string disassemble(std::span<const u8> bytes, u64 address, unsigned mode_bits) {
    std::string listing;
    while (!bytes.empty()) {
        const DisassembledLine line = disassemble_one(bytes, address, mode_bits);
        listing += fmt::format("{:016x}  {:<32} {}\n", address, hex_bytes(bytes.first(line.length)), line.text);
        address += line.length;
        bytes = bytes.subspan(line.length);
    }
    return listing;
}

}  // namespace twin86
