// -vga, -device VGA, -display: what the guest sees as its display adapter, and who shows it.
#include <algorithm>
#include <bit>

#include "machine/option_setters.h"
#include "machine/option_values.h"
#include "ui/vnc/vnc_server.h"

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

/// The last one counts, as with QEMU; remote viewers come from -vnc, too.
Status set_display(ParsedOptions& to, const std::string& v) {
    if (v == "help" || v == "?") return to.action = OptionAction::kDisplayHelp, Status();
    Options& o = to.options;
    const Properties p = split_properties(v);
    const std::string& kind = p[0].first;
    o.display_none = o.display_sdl = false;
    if (kind == "vnc") return set_vnc(to, v.substr(std::min(v.size(), std::string("vnc=").size())));
    if (kind == "none" || kind == "sdl") {
        (kind == "none" ? o.display_none : o.display_sdl) = true;
        for (std::size_t i = 1; i < p.size(); ++i) {
            if (kind == "none" || p[i].first != "full-screen")
                return unknown_word("-display " + kind + ": property", p[i].first, {"full-screen"});
            auto on = parse_switch(p[i].second, "-display sdl,full-screen");
            if (!on) return on.failure();
            o.full_screen = *on;
        }
        return {};
    }
    return error("-display {}: there are 'none', 'sdl' and 'vnc=[ADDRESS]:N'", kind);
}

Status set_vnc(ParsedOptions& to, const std::string& v) {
    if (v == "none") return to.options.vnc.clear(), Status();
    if (auto spec = parse_vnc_spec(v); !spec) return spec.failure();
    to.options.vnc.push_back(v);
    return {};
}

std::string display_help() {
    return "none                                    nobody sees the screen (screendump still does)\n"
           "sdl[,full-screen=on]                    a window\n"
           "vnc=[ADDRESS]:N[,password-file=FILE]    remote viewers on TCP port 5900 + N\n";
}

std::string vga_help() {
    return "std    VGA with VBE extensions, PCI 1234:1111 (default)\n"
           "none   no display adapter\n";
}

}  // namespace twin86
