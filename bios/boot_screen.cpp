#include "bios/boot_screen.h"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace twin86 {
namespace {

constexpr unsigned kLinuxVbe = 0x200;  ///< Linux' numbers for VBE modes start at 0x200 (Documentation/fb/vesafb.rst)

struct NumberedMode {
    unsigned number;
    VideoMode mode;
};

// The VESA numbers (VBE Core Functions 3.0, table 1; the first three columns of vesafb.rst), and those that VGA BIOSes
// for the Bochs extensions have beyond.
constexpr NumberedMode kModes[] = {
    {0x101, {640, 480, 8}},   {0x103, {800, 600, 8}},    {0x105, {1024, 768, 8}},   {0x107, {1280, 1024, 8}},
    {0x110, {640, 480, 15}},  {0x111, {640, 480, 16}},   {0x112, {640, 480, 24}},   {0x113, {800, 600, 15}},
    {0x114, {800, 600, 16}},  {0x115, {800, 600, 24}},   {0x116, {1024, 768, 15}},  {0x117, {1024, 768, 16}},
    {0x118, {1024, 768, 24}}, {0x119, {1280, 1024, 15}}, {0x11a, {1280, 1024, 16}}, {0x11b, {1280, 1024, 24}},
    {0x140, {320, 200, 32}},  {0x141, {640, 400, 32}},   {0x142, {640, 480, 32}},   {0x143, {800, 600, 32}},
    {0x144, {1024, 768, 32}}, {0x145, {1280, 1024, 32}}, {0x178, {1280, 800, 16}},  {0x179, {1280, 800, 24}},
    {0x17a, {1280, 800, 32}},
};

std::optional<unsigned> parse_mode_number(std::string_view text) {
    const bool hex = text.starts_with("0x") || text.starts_with("0X");
    if (hex) text.remove_prefix(2);
    unsigned value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
    if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

std::optional<VideoMode> linux_video_mode(std::string_view cmdline) {
    std::optional<unsigned> number;
    while (!cmdline.empty()) {
        const auto end = std::min(cmdline.find(' '), cmdline.size());
        const std::string_view word = cmdline.substr(0, end);
        cmdline.remove_prefix(std::min(end + 1, cmdline.size()));
        if (word.starts_with("vga=")) number = parse_mode_number(word.substr(4));
    }
    if (!number) return std::nullopt;
    const auto* at = std::find_if(std::begin(kModes), std::end(kModes),
                                  [&](const NumberedMode& m) { return m.number + kLinuxVbe == *number; });
    return at == std::end(kModes) ? std::nullopt : std::optional(at->mode);
}

}  // namespace twin86
