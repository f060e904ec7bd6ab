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
    static constexpr std::string_view kOthers[] = {"cirrus", "vmware", "qxl", "virtio", "tcx", "cg3", "xenfb"};
    if (std::find(std::begin(kOthers), std::end(kOthers), v) != std::end(kOthers))
        return error("-vga {}: this version has std and none", v);
    if (v != "std" && v != "none") return unknown_word("-vga", v, {"std", "none"});
    to.options.vga.present = v == "std";
    to.options.vga.chosen = true;
    return {};
}

Status set_vga_property(VgaOptions& vga, const std::string& prefix, const std::string& name, const std::string& value) {
    const std::string what = prefix + name;
    if (name == "edid" || name == "mmio") {
        const auto on = parse_switch(value, what);
        if (!on) return on.failure();
        (name == "edid" ? vga.profile.edid : vga.profile.register_page) = on.value();
        return {};
    }
    const bool memory = name == "vgamem_mb", width = name == "xres", height = name == "yres";
    if (!memory && !width && !height) return unknown_word(prefix + " property", name, {"vgamem_mb", "xres", "yres", "edid", "mmio"});
    auto n = parse_number(value, what, memory ? kMaxMemoryMb : width ? kMaxWidth : kMaxHeight);
    if (!n) return n.failure();
    if (memory) return set_vga_memory(vga, what, *n);
    if (*n == 0) return error("{}=0: a monitor shows something", what);
    (width ? vga.profile.width : vga.profile.height) = static_cast<unsigned>(*n);
    return {};
}

/// Of QEMU's properties of its window those that say what this one is like anyway.
Status set_window_property(Options& o, const std::string& key, const std::string& v) {
    static constexpr std::pair<std::string_view, bool> kFixed[] = {{"gl", false}, {"show-cursor", false}, {"window-close", true}};
    auto on = parse_switch(v, "-display sdl," + key);
    for (const auto& [name, value] : kFixed) {
        if (key != name) continue;
        if (!on) return on.failure();
        if (*on != value) return error("-display sdl,{}={}: this version has {}={}", key, v, key, value ? "on" : "off");
        return {};
    }
    if (key == "grab-mod") return error("-display sdl,grab-mod={}: the mouse is set free by Ctrl-Alt-G alone", v);
    if (key != "full-screen") return unknown_word("-display sdl: property", key, {"full-screen", "gl", "show-cursor", "window-close"});
    if (!on) return on.failure();
    o.full_screen = *on;
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
            if (kind == "none") return error("-display none has no property '{}'", p[i].first);
            if (const Status s = set_window_property(o, p[i].first, p[i].second); !s) return s;
        }
        return {};
    }
    const char* instead = kind == "gtk" || kind == "cocoa" || kind == "dbus" || kind == "spice-app" ? "sdl, a window"
                          : kind == "curses"                                                    ? "-nographic, the guest's serial port on this terminal"
                                                                                                 : nullptr;
    if (instead != nullptr) return error("-display {}: not in this version; use {}, or vnc=:0", kind, instead);
    return error("-display {}: there are 'none', 'sdl' and 'vnc=[ADDRESS]:N'", kind);
}

Status set_vnc(ParsedOptions& to, const std::string& v) {
    if (v == "none") return to.options.vnc.clear(), Status();
    if (auto spec = parse_vnc_spec(v); !spec) return spec.failure();
    to.options.vnc.push_back(v);
    return {};
}

Status check_viewers(const Options& o) {
    for (const std::string& text : o.vnc) {
        const std::string id = parse_vnc_spec(text)->password_secret;
        if (!id.empty() && o.secret(id) == nullptr) return error("-vnc {0}: there is no -object secret,id={1},data=TEXT|file=FILE", text, id);
    }
    return {};
}

std::string display_help() {
    return "none                                    nobody sees the screen (screendump still does)\n"
           "sdl[,full-screen=on]                    a window\n"
           "vnc=[ADDRESS]:N[,PROPERTY...]           remote viewers on TCP port 5900 + N\n"
           "    to=M                                or the first free one up to 5900 + M\n"
           "    password=on                         the monitor's set_password says which; until then nobody comes in\n"
           "    password-secret=ID                  the password is that of -object secret,id=ID\n"
           "    password-file=FILE                  the password is the first line of FILE\n";
}

std::string vga_help() {
    return "std    VGA with VBE extensions, PCI 1234:1111 (default)\n"
           "none   no display adapter\n";
}

}  // namespace twin86
