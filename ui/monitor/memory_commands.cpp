#include "ui/monitor/memory_commands.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>

#include "ui/monitor/command_words.h"
#include "ui/monitor/expression.h"

namespace twin86 {
namespace {

constexpr u64 kPiece = 4096;
constexpr u64 kMostBytes = u64{1} << 40;

struct Range {
    u64 address = 0, size = 0;
    std::string_view rest;
};

/// "ADDRESS SIZE ..."
Result<Range> parse_range(const MonitorCall& call) {
    Range range;
    range.rest = call.arguments;
    for (u64* number : {&range.address, &range.size}) {
        const std::string_view word = take_word(range.rest);
        if (word.empty()) return error("{}: wants an address and a size", call.name);
        const Result<u64> value = evaluate_expression(word, [&](std::string_view name) { return call.target.register_value(name); });
        if (!value) return value.failure();
        *number = value.value();
    }
    if (range.size > kMostBytes) return error("{}: {:#x} bytes are more than there are", call.name, range.size);
    return range;
}

/// Piece by piece, each within a page.
Status for_each_piece(MonitorTarget& target, const Range& range, bool physical, const std::function<bool(std::span<const u8>)>& take) {
    std::array<u8, kPiece> bytes;
    for (u64 done = 0; done < range.size;) {
        const u64 at = range.address + done;
        const auto piece = std::span(bytes).first(std::min(range.size - done, kPiece - at % kPiece));
        if (!(physical ? target.read_physical(at, piece) : target.read_virtual(at, piece))) return error("cannot access memory at {:#x}", at);
        if (!take(piece)) return error("{}", std::strerror(errno));
        done += piece.size();
    }
    return {};
}

std::string_view unquoted(std::string_view text) {
    const bool quoted = text.size() > 2 && text.front() == '"' && text.back() == '"';
    return quoted ? text.substr(1, text.size() - 2) : text;
}

std::string do_save(const MonitorCall& call, bool physical) {
    auto range = parse_range(call);
    if (!range) return range.failure().message + '\n';
    const std::string path(unquoted(range->rest));
    if (path.empty()) return fmt::format("{}: a file is missing\n", call.name);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wbe"), &std::fclose);
    if (!file) return fmt::format("'{}': {}\n", path, std::strerror(errno));
    const Status s = for_each_piece(call.target, *range, physical, [&](std::span<const u8> piece) {
        return std::fwrite(piece.data(), 1, piece.size(), file.get()) == piece.size();
    });
    if (!s) return s.failure().message + '\n';
    return std::fflush(file.get()) == 0 ? "" : fmt::format("'{}': {}\n", path, std::strerror(errno));
}

/// BSD's sum: rotated right by one before each byte.
std::string do_sum(const MonitorCall& call) {
    auto range = parse_range(call);
    if (!range) return range.failure().message + '\n';
    u16 sum = 0;
    const Status s = for_each_piece(call.target, *range, true, [&](std::span<const u8> piece) {
        for (const u8 b : piece) sum = static_cast<u16>((sum >> 1 | sum << 15) + b);
        return true;
    });
    return s ? fmt::format("{:05}\n", sum) : s.failure().message + '\n';
}

std::string do_translate(const MonitorCall& call) {
    if (call.arguments.empty()) return "gva2gpa: an address is missing\n";
    const Result<u64> address =
        evaluate_expression(call.arguments, [&](std::string_view name) { return call.target.register_value(name); });
    if (!address) return address.failure().message + '\n';
    const std::optional<Gpa> physical = call.target.physical_address(address.value());
    return physical ? fmt::format("gpa: {:#x}\n", *physical) : std::string("Unmapped\n");
}

}  // namespace

void add_memory_commands(MonitorTables& tables) {
    const MonitorCommand rows[] = {
        {{"memsave"}, "addr size file", "save virtual memory to a file", [](const MonitorCall& call) { return do_save(call, false); }},
        {{"pmemsave"}, "addr size file", "save physical memory to a file", [](const MonitorCall& call) { return do_save(call, true); }},
        {{"sum"}, "addr size", "checksum of physical memory, as BSD's sum", do_sum},
        {{"gva2gpa"}, "addr", "the physical address of a virtual one", do_translate},
    };
    tables.commands.insert(tables.commands.end(), std::begin(rows), std::end(rows));
}

}  // namespace twin86
