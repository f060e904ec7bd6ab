// -vga, -device VGA, -display: what the guest sees as its display adapter, and who shows it.
#include <algorithm>
#include <bit>

#include "machine/option_setters.h"
#include "machine/option_values.h"

namespace twin86 {
namespace {

constexpr u64 kMaxWidth = 4080, kMaxHeight = 4080;
constexpr u64 kMinMemoryMb = 1, kMaxMemoryMb = 256;

Status set_vga_memory(VgaOptions& vga, const std::string& what, u64 megabytes) {
    if (megabytes < kMinMemoryMb || !std::has_single_bit(megabytes))
        return error("{}={}: must be a power of two from {} to {}", what, megabytes, kMinMemoryMb, kMaxMemoryMb);
    vga.memory_bytes = megabytes * MiB;
    return {};
}

}  // namespace

Status set_vga(ParsedOptions& to, const std::string& v) {
    if (v == "help" || v == "?") return to.action = OptionAction::kVgaHelp, Status();
    if (v != "std" && v != "none") return unknown_word("-vga", v, {"std", "none"});
    to.options.vga.present = v == "std";
    to.options.vga.chosen = true;
    return {};
}

Status set_vga_property(VgaOptions& vga, const std::string& prefix, const std::string& name, const std::string& value) {
    const std::string what = prefix + name;
    const bool memory = name == "vgamem_mb", width = name == "xres", height = name == "yres";
    if (!memory && !width && !height) return unknown_word(prefix + " property", name, {"vgamem_mb", "xres", "yres"});
    auto n = parse_number(value, what, memory ? kMaxMemoryMb : width ? kMaxWidth : kMaxHeight);
    if (!n) return n.failure();
    if (memory) return set_vga_memory(vga, what, *n);
    if (*n == 0) return error("{}=0: a monitor shows something", what);
    (width ? vga.width : vga.height) = static_cast<unsigned>(*n);
    return {};
}

std::string vga_help() {
    return "std    VGA with VBE extensions, PCI 1234:1111 (default)\n"
           "none   no display adapter\n";
}

}  // namespace twin86
