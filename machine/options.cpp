#include "machine/options.h"

#include <algorithm>
#include <ctime>
#include <functional>
#include <map>

#include "base/log.h"
#include "base/nearest.h"

namespace twin86 {

namespace {

/// "a,b=c,d" as (key, value) pairs; a key without '=' has the value "". ",," stands for one comma.
using Properties = std::vector<std::pair<std::string, std::string>>;

Properties split_properties(const std::string& text) {
    Properties out;
    std::string item;
    const auto flush = [&] {
        const auto eq = item.find('=');
        if (eq == std::string::npos) out.emplace_back(item, "");
        else out.emplace_back(item.substr(0, eq), item.substr(eq + 1));
        item.clear();
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != ',') item += text[i];
        else if (i + 1 < text.size() && text[i + 1] == ',') item += ',', ++i;
        else flush();
    }
    flush();
    return out;
}

template <class Words>
Error unknown(std::string_view what, const std::string& word, const Words& known) {
    const std::vector<std::string_view> views(known.begin(), known.end());
    return error("{} '{}' is not known{}", what, word, did_you_mean(word, views));
}

Result<u64> parse_number(const std::string& text, const char* what) {
    char* end = nullptr;
    errno = 0;
    const u64 value = std::strtoull(text.c_str(), &end, 0);
    if (text.empty() || *end != 0 || errno != 0 || text[0] == '-') return error("{}: '{}' is not a number", what, text);
    return value;
}

/// "512", "1.5G", "512M": bytes; a bare number is in MiB.
Result<u64> parse_size(const std::string& text, const char* what) {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (end == text.c_str() || !(value > 0)) return error("{}: '{}' is not a size (examples: 512, 512M, 2G)", what, text);
    double unit = 0;
    const std::string suffix = end;
    if (suffix.empty() || suffix == "M" || suffix == "m" || suffix == "MB" || suffix == "MiB") unit = static_cast<double>(MiB);
    else if (suffix == "K" || suffix == "k") unit = static_cast<double>(KiB);
    else if (suffix == "G" || suffix == "g" || suffix == "GB" || suffix == "GiB") unit = static_cast<double>(GiB);
    else if (suffix == "T" || suffix == "t") unit = static_cast<double>(GiB) * 1024;
    else if (suffix == "B" || suffix == "b") unit = 1;
    if (unit == 0) return error("{}: '{}' is not a size (examples: 512, 512M, 2G)", what, text);
    const double bytes = value * unit;
    if (bytes > 1e15) return error("{}: {} is more than any host has", what, text);
    return static_cast<u64>(bytes);
}

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

/// Builds Options from the words of the command line.
class Parser {
  public:
    explicit Parser(const std::vector<std::string>& arguments) : arguments_(arguments) { fill_table(); }

    Result<ParsedOptions> run() {
        while (next_ < arguments_.size()) {
            std::string word = arguments_[next_++];
            if (word.empty() || word[0] != '-')
                return error("'{}': booting from a disk image is not there yet; give a kernel with -kernel FILE", word);
            word.erase(0, word.starts_with("--") ? 2 : 1);
            const auto row = table_.find(word);
            if (row == table_.end()) return unknown_option(word);
            std::string value;
            if (row->second.takes_value) {
                if (next_ == arguments_.size()) return error("-{} wants a value: -{} {}", word, word, row->second.value_name);
                value = arguments_[next_++];
            }
            if (const Status s = row->second.apply(value); !s) return s.failure();
            if (parsed_.action != OptionAction::kRun) return parsed_;
        }
        if (const Status s = finish(); !s) return s.failure();
        return parsed_;
    }

    std::string help() const {
        std::string text = "Usage: twin86 [OPTION]...\nAn x86-64 PC that boots unmodified guests in software.\n\n";
        for (const auto& [name, row] : table_) {
            std::string left = "-" + name;
            if (row.takes_value) left += std::string(" ") + row.value_name;
            text += fmt::format("  {:<34} {}\n", left, row.help);
        }
        text += "\nIn the terminal: Ctrl-A x quits, Ctrl-A c shows the monitor, Ctrl-A h lists the keys.\n";
        return text;
    }

  private:
    struct Row {
        bool takes_value;
        const char* value_name;
        const char* help;
        std::function<Status(const std::string&)> apply;
    };

    void flag(const char* name, const char* help, std::function<void()> set) {
        table_[name] = {false, "", help, [set](const std::string&) { return set(), Status(); }};
    }
    void value(const char* name, const char* value_name, const char* help, std::function<Status(const std::string&)> apply) {
        table_[name] = {true, value_name, help, std::move(apply)};
    }
    void text(const char* name, const char* value_name, const char* help, std::string& to) {
        value(name, value_name, help, [&to](const std::string& v) { return to = v, Status(); });
    }

    Error unknown_option(const std::string& word) const {
        std::vector<std::string_view> known;
        for (const auto& [name, row] : table_) known.push_back(name);
        const std::string_view near = nearest_word(word, known);
        if (near.empty()) return error("-{}: unknown option (twin86 -help lists them)", word);
        return error("-{}: unknown option (did you mean '-{}'?)", word, near);
    }

    void fill_table();
    Status parse_memory(const std::string& v);
    Status parse_smp(const std::string& v);
    Status parse_machine(const std::string& v);
    Status parse_accel(const std::string& v);
    Status parse_device(const std::string& v);
    Status parse_log(const std::string& v);
    Status parse_rtc(const std::string& v);
    Status parse_display(const std::string& v);
    Status parse_cpu(const std::string& v);
    Status only_none(const char* option, const std::string& v);
    Status finish();
    Options& o() { return parsed_.options; }

    const std::vector<std::string>& arguments_;
    std::size_t next_ = 0;
    std::map<std::string, Row> table_;
    ParsedOptions parsed_;
    std::vector<std::pair<IoPort, std::string>> debugcon_devices_;
};

void Parser::fill_table() {
    const auto help = [this] { parsed_.action = OptionAction::kHelp; };
    flag("h", "this text", help);
    flag("help", "this text", help);
    flag("version", "the version", [this] { parsed_.action = OptionAction::kVersion; });
    value("m", "SIZE", "guest memory: MiB, or with a suffix K, M, G (default 128M)", [this](auto& v) { return parse_memory(v); });
    value("smp", "N", "number of processors (1)", [this](auto& v) { return parse_smp(v); });
    value("cpu", "MODEL[,FLAGS]", "processor model; 'help' lists them", [this](auto& v) { return parse_cpu(v); });
    value("machine", "pc[,accel=...]", "machine model", [this](auto& v) { return parse_machine(v); });
    value("M", "pc[,accel=...]", "the same as -machine", [this](auto& v) { return parse_machine(v); });
    value("accel", "jit[,PROP=VALUE...]", "engine: jit with mmu=auto|soft, code-size=SIZE, one-insn-per-block=on, chain=off",
          [this](auto& v) { return parse_accel(v); });
    text("kernel", "FILE", "Linux bzImage, PVH or multiboot ELF to enter directly", o().kernel);
    text("initrd", "FILE", "initial RAM disk, or multiboot modules 'FILE ARGS,FILE ARGS'", o().initrd);
    text("append", "TEXT", "kernel command line", o().append);
    value("serial", "DEV", "first, second ... serial port: stdio, mon:stdio, null, none, file:, pty, unix:, tcp:",
          [this](auto& v) { return o().serials.push_back(v), Status(); });
    value("monitor", "DEV", "monitor on a character device (as for -serial)",
          [this](auto& v) { return o().monitors.push_back(v), Status(); });
    value("chardev", "BACKEND,id=ID,...", "a character device for chardev:ID", [this](auto& v) { return o().chardevs.push_back(v), Status(); });
    value("debugcon", "DEV", "what the guest writes to port 0xe9 goes there",
          [this](auto& v) { return o().debugcons.push_back({0xe9, v}), Status(); });
    value("device", "NAME[,PROP=VALUE...]", "add a device; 'help' lists them", [this](auto& v) { return parse_device(v); });
    value("display", "none", "display (there is none yet)", [this](auto& v) { return parse_display(v); });
    flag("nographic", "serial port and monitor on this terminal", [this] { o().nographic = true; });
    flag("no-reboot", "exit instead of rebooting", [this] { o().no_reboot = true; });
    flag("no-shutdown", "stop instead of exiting on power-off", [this] { o().no_shutdown = true; });
    flag("nodefaults", "no default devices", [this] { o().nodefaults = true; });
    flag("S", "start stopped ('cont' in the monitor starts)", [this] { o().start_stopped = true; });
    value("d", "ITEM,...", "log items; 'help' lists them", [this](auto& v) { return parse_log(v); });
    text("D", "FILE", "log to FILE instead of standard error", o().log_file);
    value("rtc", "base=utc|localtime|DATE", "real-time clock at start", [this](auto& v) { return parse_rtc(v); });
    text("name", "NAME", "name of the machine", o().name);
    text("pidfile", "FILE", "write the process id to FILE", o().pidfile);
    value("net", "none", "network (there is none yet)", [this](auto& v) { return only_none("net", v); });
    value("nic", "none", "network (there is none yet)", [this](auto& v) { return only_none("nic", v); });
    value("vga", "none", "display adapter (there is none yet)", [this](auto& v) { return only_none("vga", v); });
    value("parallel", "none", "parallel port (there is none)", [this](auto& v) { return only_none("parallel", v); });
    flag("explain", "print the machine that results", [this] { o().explain = true; });
}

Status Parser::only_none(const char* option, const std::string& v) {
    if (v == "none") return {};
    return error("-{} {}: this version has only 'none'", option, v);
}

Status Parser::parse_memory(const std::string& v) {
    for (const auto& [key, val] : split_properties(v)) {
        if (key != "size" && !val.empty()) return unknown("-m: property", key, std::vector<std::string>{"size"});
        auto size = parse_size(val.empty() ? key : val, "-m");
        if (!size) return size.failure();
        o().ram_bytes = *size;
    }
    if (o().ram_bytes < MiB) return error("-m {}: a PC needs at least 1 MiB of memory", v);
    o().ram_bytes = o().ram_bytes / kPageSize * kPageSize;
    return {};
}

Status Parser::parse_smp(const std::string& v) {
    for (const auto& [key, val] : split_properties(v)) {
        auto n = parse_number(val.empty() ? key : val, "-smp");
        if (!n) return n.failure();
        if (*n != 1) return error("-smp {}: this version runs one processor (-smp 1)", v);
    }
    return {};
}

Status Parser::parse_cpu(const std::string& v) {
    if (v == "help" || v == "?") parsed_.action = OptionAction::kCpuHelp;
    o().cpu = v;
    return {};
}

Status Parser::parse_machine(const std::string& v) {
    if (v == "help" || v == "?") return parsed_.action = OptionAction::kMachineHelp, Status();
    for (const auto& [key, val] : split_properties(v)) {
        const std::string& type = key == "type" ? val : key;
        if (key == "accel") {
            if (const Status s = parse_accel(val); !s) return s;
        } else if (type != "pc" && !(val.empty() && type == "pc-i440fx")) {
            return unknown(val.empty() || key == "type" ? "-machine" : "-machine: property", type,
                           std::vector<std::string>{"pc", "accel", "type"});
        }
    }
    return {};
}

Status Parser::parse_accel(const std::string& v) {
    if (v == "help" || v == "?") return parsed_.action = OptionAction::kAccelHelp, Status();
    const Properties properties = split_properties(v);
    for (std::size_t i = 0; i < properties.size(); ++i) {
        const auto& [key, val] = properties[i];
        const bool on = val == "on" || val.empty();
        if (i == 0 || key == "accel") {
            const std::string& engine = key == "accel" ? val : key;
            if (engine == "kvm") return error("-accel kvm: this version has no KVM engine; use -accel jit");
            if (engine != "jit" && engine != "tcg") return unknown("-accel", engine, std::vector<std::string>{"jit"});
            if (engine == "tcg") return error("-accel tcg: the translator is called jit here (-accel jit)");
            o().accel = engine;
        } else if (key == "mmu") {
            if (val != "soft" && val != "auto") return unknown("-accel jit: mmu", val, std::vector<std::string>{"soft", "auto"});
        } else if (key == "code-size") {
            auto size = parse_size(val, "-accel jit,code-size");
            if (!size) return size.failure();
            if (*size < 2 * MiB || *size > GiB) return error("-accel jit,code-size={}: from 2M to 1G", val);
            o().code_cache_bytes = *size / kPageSize * kPageSize;
        } else if (key == "one-insn-per-block") {
            o().one_insn_per_block = on;
        } else if (key == "chain") {
            o().no_chain = !on;
        } else {
            return unknown("-accel jit: property", key,
                           std::vector<std::string>{"mmu", "code-size", "one-insn-per-block", "chain"});
        }
    }
    return {};
}

Status Parser::parse_device(const std::string& v) {
    const Properties p = split_properties(v);
    const std::string& kind = p[0].first;
    if (kind == "help" || kind == "?") return parsed_.action = OptionAction::kDeviceHelp, Status();
    if (kind == "isa-debug-exit") {
        DebugExitOptions exit;
        for (std::size_t i = 1; i < p.size(); ++i) {
            auto n = parse_number(p[i].second, "-device isa-debug-exit");
            if (!n) return n.failure();
            if (p[i].first == "iobase") exit.iobase = static_cast<IoPort>(*n);
            else if (p[i].first == "iosize") exit.iosize = static_cast<u32>(*n);
            else return unknown("-device isa-debug-exit: property", p[i].first, std::vector<std::string>{"iobase", "iosize"});
            if (*n > 0xffff) return error("-device isa-debug-exit,{}={}: ports end at 0xffff", p[i].first, p[i].second);
        }
        if (exit.iosize == 0 || exit.iobase + exit.iosize > 65536) return error("-device isa-debug-exit: ports end at 0xffff");
        o().debug_exit = exit;
        return {};
    }
    if (kind == "isa-debugcon") {
        IoPort iobase = 0xe9;
        std::string chardev;
        for (std::size_t i = 1; i < p.size(); ++i) {
            if (p[i].first == "iobase") {
                auto n = parse_number(p[i].second, "-device isa-debugcon,iobase");
                if (!n) return n.failure();
                if (*n > 0xffff) return error("-device isa-debugcon,iobase={}: ports end at 0xffff", p[i].second);
                iobase = static_cast<IoPort>(*n);
            } else if (p[i].first == "chardev") {
                chardev = p[i].second;
            } else {
                return unknown("-device isa-debugcon: property", p[i].first, std::vector<std::string>{"iobase", "chardev"});
            }
        }
        o().debugcons.push_back({iobase, chardev.empty() ? "null" : "chardev:" + chardev});
        return {};
    }
    return unknown("-device", kind, std::vector<std::string>{"isa-debug-exit", "isa-debugcon"});
}

Status Parser::parse_log(const std::string& v) {
    if (v == "help" || v == "?") return parsed_.action = OptionAction::kLogHelp, Status();
    std::vector<std::string> known{"nochain", "one-insn", "all"};
    for (const LogItem& i : kLogItems) known.push_back(i.name);
    for (const auto& [key, val] : split_properties(v)) {
        const auto* item = std::find_if(std::begin(kLogItems), std::end(kLogItems), [&](const LogItem& i) { return i.name == key; });
        if (item != std::end(kLogItems)) o().log_mask |= item->bits;
        else if (key == "all") o().log_mask |= ~u32{0};
        else if (key == "nochain") o().no_chain = true;
        else if (key == "one-insn") o().one_insn_per_block = true;
        else return unknown("-d", key, known);
    }
    return {};
}

Status Parser::parse_rtc(const std::string& v) {
    for (const auto& [key, val] : split_properties(v)) {
        if (key == "clock" && (val == "host" || val == "vm" || val == "rt")) continue;
        if (key == "driftfix" && val == "none") continue;
        if (key != "base") return unknown("-rtc: property", key, std::vector<std::string>{"base", "clock"});
        if (val == "utc") {
            o().rtc.base = RtcOptions::Base::kUtc;
        } else if (val == "localtime") {
            o().rtc.base = RtcOptions::Base::kLocaltime;
        } else {
            std::tm t{};
            const char* end = strptime(val.c_str(), "%Y-%m-%dT%H:%M:%S", &t);
            if (end == nullptr) t = {}, end = strptime(val.c_str(), "%Y-%m-%d", &t);
            if (end == nullptr || *end != 0) return error("-rtc base={}: utc, localtime or a date such as 2026-11-21T12:00:00", val);
            o().rtc.base = RtcOptions::Base::kDate;
            o().rtc.date_unix = timegm(&t);
        }
    }
    return {};
}

Status Parser::parse_display(const std::string& v) {
    if (v != "none") return error("-display {}: this version has only 'none'", v);
    o().display_none = true;
    return {};
}

Status Parser::finish() {
    if (o().kernel.empty()) {
        if (!o().initrd.empty()) return error("-initrd needs -kernel");
        if (!o().append.empty()) return error("-append needs -kernel");
        return error("nothing to boot: give a kernel with -kernel FILE (twin86 -help lists the options)");
    }
    return {};
}

}  // namespace

Result<ParsedOptions> parse_options(const std::vector<std::string>& arguments) { return Parser(arguments).run(); }

std::string options_help() { return Parser({}).help(); }

std::string log_help() {
    std::string text = "Items of -d:\n";
    for (const LogItem& i : kLogItems) text += fmt::format("  {:<14} {}\n", i.name, i.help);
    return text + "  nochain        do not link blocks\n  one-insn       one instruction per block\n  all            everything\n";
}

std::string device_help() {
    return "isa-debug-exit,iobase=PORT,iosize=N   the guest ends the emulator with status (value << 1) | 1\n"
           "isa-debugcon,iobase=PORT,chardev=ID   the guest writes text to a character device\n";
}

}  // namespace twin86
