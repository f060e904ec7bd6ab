#include "bios/linux_cmdline.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace twin86 {
namespace {

/// "512M", "0x20000000": as Linux' memparse().
std::optional<u64> parse_size(std::string_view text) {
    const bool hex = text.starts_with("0x") || text.starts_with("0X");
    if (hex) text.remove_prefix(2);
    u64 value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
    if (failure != std::errc()) return std::nullopt;
    unsigned shift = 0;
    if (end != text.data() + text.size()) {
        if (*end == 'k' || *end == 'K') shift = 10;
        if (*end == 'm' || *end == 'M') shift = 20;
        if (*end == 'g' || *end == 'G') shift = 30;
    }
    return value > (~u64{0} >> shift) ? ~u64{0} : value << shift;
}

}  // namespace

u64 linux_mem_limit(std::string_view cmdline) {
    u64 limit = ~u64{0};
    while (!cmdline.empty()) {
        const auto end = std::min(cmdline.find(' '), cmdline.size());
        const std::string_view word = cmdline.substr(0, end);
        cmdline.remove_prefix(std::min(end + 1, cmdline.size()));
        if (!word.starts_with("mem=")) continue;
        if (const auto size = parse_size(word.substr(4)); size && *size != 0) limit = *size;
    }
    return limit;
}

}  // namespace twin86
