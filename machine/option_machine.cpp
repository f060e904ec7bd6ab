#include <ctime>

#include "machine/option_setters.h"
#include "machine/option_values.h"

namespace twin86 {

namespace {

bool is_help(const std::string& v) {
    return v == "help" || v == "?";
}

bool parse_date(const std::string& text, i64& unix_seconds) {
    for (const char* format : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"}) {
        std::tm t{};
        const char* end = strptime(text.c_str(), format, &t);
        if (end == nullptr || *end != 0) continue;
        unix_seconds = timegm(&t);
        return true;
    }
    return false;
}

/// Also by the names of QEMU's versions, as scripts have them.
std::optional<MachineType> machine_type(const std::string& name) {
    if (name == "pc" || name.starts_with("pc-i440fx-")) return MachineType::kPc;
    if (name == "q35" || name.starts_with("pc-q35-")) return MachineType::kQ35;
    return std::nullopt;
}

}  // namespace

Status set_smp(ParsedOptions&, const std::string& v) {
    const Properties properties = split_properties(v);
    for (std::size_t i = 0; i < properties.size(); ++i) {
        const auto& [key, val] = properties[i];
        const bool bare = i == 0 && val.empty();
        if (!bare && key != "cpus" && key != "sockets" && key != "cores" && key != "threads" && key != "maxcpus")
            return unknown_word("-smp: property", key, {"cpus", "sockets", "cores", "threads", "maxcpus"});
        auto n = parse_number(bare ? key : val, "-smp");
        if (!n) return n.failure();
        if (*n != 1) return error("-smp {}: this version runs one processor (-smp 1)", v);
    }
    return {};
}

Status set_cpu(ParsedOptions& to, const std::string& v) {
    if (is_help(v)) to.action = OptionAction::kCpuHelp;
    to.options.cpu = v;
    return {};
}

/// What scripts write by habit and this machine is like anyway.
Status check_machine_property(const std::string& key, const std::string& v) {
    static constexpr std::pair<std::string_view, std::string_view> kFixed[] = {
        {"usb", "off"}, {"vmport", "off"}, {"graphics", "off"}, {"smm", "off"}, {"acpi", "on"},
        {"nvdimm", "off"}, {"mem-merge", "off"}};
    if (key == "pcspk-audiodev") return error("-machine pcspk-audiodev={}: this version has no sound; leave it out", v);
    if (key == "dump-guest-core") return {};  // of core files of this program
    for (const auto& [name, value] : kFixed) {
        if (key != name) continue;
        if (v == value) return {};
        return error("-machine {}={}: this version has {}={}", key, v, name, value);
    }
    return unknown_word("-machine: property", key, {"accel", "kernel-irqchip", "type", "memory-backend", "pflash0", "pflash1", "usb", "vmport", "graphics", "smm", "hpet", "acpi"});
}

Status set_machine(ParsedOptions& to, const std::string& v) {
    if (is_help(v)) return to.action = OptionAction::kMachineHelp, Status();
    const Properties properties = split_properties(v);
    for (std::size_t i = 0; i < properties.size(); ++i) {
        const auto& [key, val] = properties[i];
        const bool bare = i == 0 && val.empty();
        if (bare || key == "type") {
            const std::string& type = bare ? key : val;
            const auto machine = machine_type(type);
            if (!machine) return unknown_word("-machine", type, {"pc", "q35"});
            to.options.machine = *machine;
        } else if (key == "accel") {
            if (const Status s = set_accel(to, val); !s) return s;
        } else if (key == "kernel-irqchip" || key == "kernel_irqchip") {
            if (const Status s = set_machine_irqchip(to, val); !s) return s;
        } else if (key == "memory-backend") {
            to.memory = val;
        } else if (key == "hpet") {
            const auto on = parse_switch(val, "-machine hpet");
            if (!on) return on.failure();
            to.options.hpet = on.value();
        } else if (key == "pflash0" || key == "pflash1") {
            to.flash_nodes[key.back() - '0'] = val;
        } else if (const Status s = check_machine_property(key, val); !s) {
            return s;
        }
    }
    return {};
}

Status set_rtc(ParsedOptions& to, const std::string& v) {
    RtcOptions& rtc = to.options.rtc;
    for (const auto& [key, val] : split_properties(v)) {
        if (key == "clock" && val == "host") continue;
        if (key == "clock") return error("-rtc clock={}: the clock follows the host (clock=host)", val);
        if (key == "driftfix" && val == "none") continue;
        if (key == "driftfix") return error("-rtc driftfix={}: the clock does not make up for lost ticks (driftfix=none)", val);
        if (key != "base") return unknown_word("-rtc: property", key, {"base", "clock", "driftfix"});
        if (val == "utc")
            rtc.base = RtcOptions::Base::kUtc;
        else if (val == "localtime")
            rtc.base = RtcOptions::Base::kLocaltime;
        else if (parse_date(val, rtc.date_unix))
            rtc.base = RtcOptions::Base::kDate;
        else
            return error("-rtc base={}: utc, localtime or a date such as 2026-11-21T12:00:00", val);
    }
    return {};
}

Status set_action(ParsedOptions& to, const std::string& v) {
    Options& o = to.options;
    for (const auto& [key, val] : split_properties(v)) {
        const bool two_way = key == "reboot" || key == "shutdown";
        if (key == "panic" || key == "watchdog") continue;  // this machine has no device that tells of them
        if (!two_way) return unknown_word("-action: event", key, {"reboot", "shutdown", "panic", "watchdog"});
        const std::string yes = key == "reboot" ? "shutdown" : "pause", no = key == "reboot" ? "reset" : "poweroff";
        if (val != yes && val != no) return error("-action {}={}: {} or {}", key, val, no, yes);
        (key == "reboot" ? o.no_reboot : o.no_shutdown) = val == yes;
    }
    return {};
}

Status set_name(ParsedOptions& to, const std::string& v) {
    const Properties properties = split_properties(v);
    for (std::size_t i = 0; i < properties.size(); ++i) {
        const auto& [key, val] = properties[i];
        if (i == 0 && val.empty())
            to.options.name = key;
        else if (key == "guest")
            to.options.name = val;
        else if (key == "process")
            to.options.process_name = val;
        else if (key != "debug-threads")  // what the host calls them
            return unknown_word("-name: property", key, {"guest", "debug-threads", "process"});
    }
    return {};
}

}  // namespace twin86
