#include "ui/monitor/memory_dump.h"

#include <array>
#include <cstring>

#include "base/bits.h"

namespace twin86 {
namespace {

constexpr u64 kMaxCount = 65536;
constexpr unsigned kMaxInstruction = 15;
constexpr std::string_view kNoAccess = " Cannot access memory\n";

std::string quoted(u8 c) {
    switch (c) {
        case '\'':
            return "'\\''";
        case '\\':
            return "'\\\\'";
        case '\n':
            return "'\\n'";
        case '\r':
            return "'\\r'";
        case '\t':
            return "'\\t'";
        default:
            return c >= 32 && c < 127 ? fmt::format("'{}'", static_cast<char>(c)) : fmt::format("'\\x{:02x}'", c);
    }
}

std::string item_text(u64 value, char format, unsigned size) {
    const unsigned decimal_digits = (size * 8 * 10 + 32) / 33;
    switch (format) {
        case 'o':
            return fmt::format("0{:0{}o}", value, (size * 8 + 2) / 3);
        case 'u':
            return fmt::format("{:{}}", value, decimal_digits);
        case 'd':
            return fmt::format("{:{}}", static_cast<i64>(sign_extend(value, size)), decimal_digits);
        case 'c':
            return quoted(static_cast<u8>(value));
        default:
            return fmt::format("0x{:0{}x}", value, size * 2);
    }
}

std::string dump_items(u64 address, const DumpFormat& format, const MemoryReader& read) {
    const u64 per_line = (format.size == 1 ? 8 : 16) / format.size;
    std::string text;
    for (u64 i = 0; i < format.count; ++i, address += format.size) {
        if (i % per_line == 0) text += fmt::format("{}{:016x}:", i == 0 ? "" : "\n", address);
        std::array<u8, 8> bytes{};
        if (!read(address, std::span(bytes).first(format.size))) return text + std::string(kNoAccess);
        u64 value;
        std::memcpy(&value, bytes.data(), sizeof value);
        text += ' ' + item_text(value, format.format, format.size);
    }
    return text + '\n';
}

/// As many bytes as can be read: the last instruction of a page has less than 15.
unsigned read_code(u64 address, const MemoryReader& read, std::span<u8> code) {
    unsigned n = 0;
    while (n < code.size() && read(address + n, code.subspan(n, 1))) ++n;
    return n;
}

std::string dump_instructions(u64 address, u64 count, const MemoryReader& read, const Disassembler& disassemble) {
    std::string text;
    for (u64 i = 0; i < count; ++i) {
        std::array<u8, kMaxInstruction> code{};
        const unsigned n = read_code(address, read, code);
        text += fmt::format("0x{:016x}: ", address);
        if (n == 0) return text + std::string(kNoAccess);
        const Disassembly insn = disassemble(address, std::span(code).first(n));
        const bool valid = insn.length != 0 && insn.length <= n;
        text += valid ? fmt::format(" {}\n", insn.text) : fmt::format(" .byte 0x{:02x}\n", code[0]);
        address += valid ? insn.length : 1;
    }
    return text;
}

}  // namespace

Result<DumpFormat> parse_dump_format(std::string_view text) {
    DumpFormat result;
    std::size_t i = 0;
    u64 count = 0;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
        count = count * 10 + static_cast<u64>(text[i] - '0');
        if (count > kMaxCount) return error("count is above {}", kMaxCount);
    }
    if (i != 0) result.count = count;
    for (; i < text.size(); ++i) {
        static constexpr std::string_view kSizes = "bhwg", kFormats = "xduoci";
        if (const std::size_t at = kSizes.find(text[i]); at != kSizes.npos) {
            result.size = 1u << at;
        } else if (kFormats.find(text[i]) != kFormats.npos) {
            result.format = text[i];
        } else {
            return error("unknown format '/{}': a count, then one of x d u o c i, then one of b h w g",
                         text.substr(0, 16));
        }
    }
    if (result.format == 'c') result.size = 1;
    return result;
}

std::string dump_memory(u64 address, const DumpFormat& format, const MemoryReader& read,
                        const Disassembler& disassemble) {
    if (format.count == 0) return {};
    if (format.format == 'i') return dump_instructions(address, format.count, read, disassemble);
    return dump_items(address, format, read);
}

}  // namespace twin86
