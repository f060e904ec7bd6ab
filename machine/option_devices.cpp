// -mon and -d.
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

}  // namespace

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
        else if (key != "mode" && key != "default" && key != "id" && key != "pretty")  // pretty: of the other mode
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
            to.options.accel.no_chain = true;
        else if (key == "one-insn")
            to.options.accel.one_insn_per_block = true;
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

}  // namespace twin86
