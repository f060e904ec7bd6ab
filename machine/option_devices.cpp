#include <algorithm>

#include "base/log.h"
#include "machine/option_setters.h"
#include "machine/option_values.h"

namespace twin86 {

namespace {

struct LogItem {
    const char* name;
    u32 bits;
    const char* help;
};
constexpr LogItem kLogItems[] = {
    {"blocks", kLogBlocks, "every translated block: guest and host code side by side"},
    {"exec", kLogExec, "every entry into a block from the run loop, with registers (with nochain: every block)"},
    {"int", kLogInt, "exceptions and interrupts that are delivered"},
    {"mmu", kLogMmu, "translation cache flushes"},
    {"io", kLogIo, "port accesses"},
    {"unimp", kLogUnimp, "instructions, MSRs and registers that the guest used and we do not have"},
    {"guest_errors", kLogGuestError, "wrong programming of devices by the guest"},
    {"stats", kLogStats, "counters at exit"},
};

Result<IoPort> parse_port(const std::string& text, const std::string& what) {
    auto n = parse_number(text, what, 0xffff);
    if (!n) return n.failure();
    return static_cast<IoPort>(*n);
}

Status add_debug_exit(Options& o, const Properties& p) {
    DebugExitOptions exit;
    for (std::size_t i = 1; i < p.size(); ++i) {
        const std::string what = "-device isa-debug-exit," + p[i].first;
        if (p[i].first != "iobase" && p[i].first != "iosize")
            return unknown_word("-device isa-debug-exit: property", p[i].first, {"iobase", "iosize"});
        auto n = parse_port(p[i].second, what);
        if (!n) return n.failure();
        if (p[i].first == "iobase")
            exit.iobase = *n;
        else
            exit.iosize = *n;
    }
    if (exit.iosize == 0 || exit.iobase + exit.iosize > 65536)
        return error("-device isa-debug-exit: ports {:#x} to {:#x} do not exist", exit.iobase,
                     exit.iobase + exit.iosize);
    if (o.debug_exit) return error("-device isa-debug-exit: there can be only one");
    o.debug_exit = exit;
    return {};
}

Status add_debugcon(Options& o, const Properties& p) {
    DebugconOptions debugcon{0xe9, "null"};
    for (std::size_t i = 1; i < p.size(); ++i) {
        if (p[i].first == "iobase") {
            auto n = parse_port(p[i].second, "-device isa-debugcon,iobase");
            if (!n) return n.failure();
            debugcon.iobase = *n;
        } else if (p[i].first == "chardev") {
            debugcon.chardev = "chardev:" + p[i].second;
        } else {
            return unknown_word("-device isa-debugcon: property", p[i].first, {"iobase", "chardev"});
        }
    }
    o.debugcons.push_back(debugcon);
    return {};
}

Status add_vga(Options& o, const Properties& p) {
    if (o.vga.chosen && o.vga.present) return error("-device VGA: there can be only one display adapter");
    o.vga.present = o.vga.chosen = true;
    for (std::size_t i = 1; i < p.size(); ++i)
        if (const Status s = set_vga_property(o.vga, "-device VGA,", p[i].first, p[i].second); !s) return s;
    return {};
}

}  // namespace

Status add_device(ParsedOptions& to, const std::string& v) {
    const Properties p = split_properties(v);
    const std::string& kind = p[0].first;
    if (kind == "help" || kind == "?") return to.action = OptionAction::kDeviceHelp, Status();
    if (kind == "isa-debug-exit") return add_debug_exit(to.options, p);
    if (kind == "isa-debugcon") return add_debugcon(to.options, p);
    if (kind == "VGA") return add_vga(to.options, p);
    return unknown_word("-device", kind, {"isa-debug-exit", "isa-debugcon", "VGA"});
}

Status add_mon(ParsedOptions& to, const std::string& v) {
    std::string chardev;
    const Properties properties = split_properties(v);
    for (std::size_t i = 0; i < properties.size(); ++i) {
        const auto& [key, val] = properties[i];
        if (key == "chardev")
            chardev = val;
        else if (i == 0 && val.empty())
            chardev = key;
        else if (key == "mode" && val != "readline")
            return error("-mon mode={}: this version has only mode=readline", val);
        else if (key != "mode" && key != "default")
            return unknown_word("-mon: property", key, {"chardev", "mode"});
    }
    if (chardev.empty()) return error("-mon {}: needs chardev=ID", v);
    to.options.monitors.push_back("chardev:" + chardev);
    return {};
}

Status add_log_items(ParsedOptions& to, const std::string& v) {
    if (v == "help" || v == "?") return to.action = OptionAction::kLogHelp, Status();
    std::vector<std::string_view> known{"nochain", "one-insn", "all"};
    for (const LogItem& i : kLogItems) known.push_back(i.name);
    for (const auto& [key, val] : split_properties(v)) {
        const auto* item =
            std::find_if(std::begin(kLogItems), std::end(kLogItems), [&](const LogItem& i) { return i.name == key; });
        if (item != std::end(kLogItems))
            to.options.log_mask |= item->bits;
        else if (key == "all")
            to.options.log_mask |= ~u32{0};
        else if (key == "nochain")
            to.options.no_chain = true;
        else if (key == "one-insn")
            to.options.one_insn_per_block = true;
        else
            return unknown_word("-d", key, known);
    }
    return {};
}

std::string log_help() {
    std::string text = "Items of -d:\n";
    for (const LogItem& i : kLogItems) text += fmt::format("  {:<14} {}\n", i.name, i.help);
    return text +
           "  nochain        do not link blocks\n  one-insn       one instruction per block\n  all            "
           "everything\n";
}

std::string device_help() {
    return "isa-debug-exit,iobase=PORT,iosize=N   the guest ends the emulator with status (value << 1) | 1\n"
           "isa-debugcon,iobase=PORT,chardev=ID   the guest writes text to a character device\n"
           "VGA,xres=N,yres=N,vgamem_mb=N         display adapter (as -vga std)\n";
}

}  // namespace twin86
