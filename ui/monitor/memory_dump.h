// The x and xp commands: /COUNT FORMAT SIZE and the dump they print.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ui/monitor/monitor_target.h"

namespace twin86 {

struct DumpFormat {
    u64 count = 1;
    char format = 'x';  ///< x, d, u, o, c, or i for instructions
    unsigned size = 4;  ///< bytes of one item
};

/// The text after the slash, for example "4xg".
Result<DumpFormat> parse_dump_format(std::string_view text);

using MemoryReader = std::function<bool(u64 address, std::span<u8> to)>;
using Disassembler = std::function<Disassembly(u64 address, std::span<const u8> code)>;

std::string dump_memory(u64 address, const DumpFormat& format, const MemoryReader& read,
                        const Disassembler& disassemble);

}  // namespace twin86
