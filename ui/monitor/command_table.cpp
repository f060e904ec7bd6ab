#include "ui/monitor/command_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"
#include "ui/monitor/command_words.h"
#include "ui/monitor/drive_commands.h"
#include "ui/monitor/expression.h"
#include "ui/monitor/identity_topics.h"
#include "ui/monitor/memory_commands.h"
#include "ui/monitor/memory_dump.h"
#include "ui/monitor/mouse_commands.h"
#include "ui/monitor/password_commands.h"
#include "ui/monitor/port_commands.h"
#include "ui/monitor/screen_commands.h"

namespace twin86 {
namespace {

std::string unknown(std::string_view what, std::string_view name, const std::vector<MonitorCommand>& rows) {
    std::vector<std::string_view> known;
    for (const MonitorCommand& row : rows) known.insert(known.end(), row.names.begin(), row.names.end());
    const std::string_view nearest = nearest_word(name, known);
    const std::string hint = nearest.empty() ? "type 'help' for a list" : fmt::format("did you mean '{}'?", nearest);
    return fmt::format("unknown {} '{}': {}\n", what, name.substr(0, 64), hint);
}

std::string help_line(const MonitorCommand& row, std::string_view prefix) {
    const std::string usage =
        fmt::format("{}{}{}{}", prefix, fmt::join(row.names, "|"), row.arguments.empty() ? "" : " ", row.arguments);
    return fmt::format("{} -- {}\n", usage, row.help);
}

std::string help_all(const std::vector<MonitorCommand>& rows, std::string_view prefix) {
    std::string text;
    for (const MonitorCommand& row : rows) text += help_line(row, prefix);
    return text;
}

std::string do_help(const MonitorCall& call) {
    std::string_view rest = call.arguments;
    const std::string_view name = take_word(rest);
    if (name.empty()) return help_all(call.tables.commands, "");
    const MonitorCommand* info = find_command(call.tables.commands, name);
    if (name == "info" && rest.empty() && info != nullptr) {
        return help_line(*info, "") + help_all(call.tables.info_topics, "info ");
    }
    const bool topic = name == "info";
    const auto& rows = topic ? call.tables.info_topics : call.tables.commands;
    const std::string_view wanted = topic ? take_word(rest) : name;
    const MonitorCommand* row = find_command(rows, wanted);
    return row == nullptr ? unknown("command", wanted, rows) : help_line(*row, topic ? "info " : "");
}

MonitorReply do_info(const MonitorCall& call) {
    std::string_view rest = call.arguments;
    const std::string_view topic = take_word(rest);
    if (topic.empty()) return help_all(call.tables.info_topics, "info ");
    const MonitorCommand* row = find_command(call.tables.info_topics, topic);
    if (row == nullptr) return unknown("info topic", topic, call.tables.info_topics);
    return row->handler({call.target, call.tables, topic, {}, rest});
}

std::string do_examine(const MonitorCall& call, bool physical) {
    std::string_view rest;
    const Result<DumpFormat> format = parse_dump_format(take_format(call, rest));
    if (!format) return format.failure().message + '\n';
    MonitorTarget& target = call.target;
    if (rest.empty()) return fmt::format("{}: an address is missing\n", call.name);
    const Result<u64> address =
        evaluate_expression(rest, [&](std::string_view name) { return target.register_value(name); });
    if (!address) return address.failure().message + '\n';
    const MemoryReader read = [&](u64 at, std::span<u8> to) {
        return physical ? target.read_physical(at, to) : target.read_virtual(at, to);
    };
    const Disassembler disassemble = [&](u64 at, std::span<const u8> code) { return target.disassemble(at, code); };
    return dump_memory(address.value(), format.value(), read, disassemble);
}

std::string do_print(const MonitorCall& call) {
    std::string_view rest;
    const Result<DumpFormat> format = parse_dump_format(take_format(call, rest));
    if (!format) return format.failure().message + '\n';
    const Result<u64> value =
        evaluate_expression(rest, [&](std::string_view name) { return call.target.register_value(name); });
    if (!value) return value.failure().message + '\n';
    switch (format.value().format) {
        case 'd':
            return fmt::format("{}\n", static_cast<i64>(value.value()));
        case 'u':
            return fmt::format("{}\n", value.value());
        case 'o':
            return fmt::format("{:#o}\n", value.value());
        default:
            return fmt::format("{:#x}\n", value.value());
    }
}

MonitorCommand action(std::vector<std::string_view> names, std::string_view help, void (MonitorTarget::*method)()) {
    return {std::move(names), "", help, [method](const MonitorCall& call) {
                (call.target.*method)();
                return std::string();
            }};
}

MonitorCommand text_topic(std::string_view name, std::string_view help, std::string (MonitorTarget::*method)()) {
    return {{name}, "", help, [method](const MonitorCall& call) { return (call.target.*method)(); }};
}

std::string do_accel(const MonitorCall& call) {
    if (call.arguments.empty()) return "accel: an engine is missing (jit, kvm); 'info accel' shows which runs\n";
    return call.target.select_engine(call.arguments);
}

std::string do_info_status(const MonitorCall& call) {
    return fmt::format("VM status: {}\n", call.target.run_state());
}

}  // namespace

MonitorTables standard_monitor_tables() {
    using T = MonitorTarget;
    MonitorTables tables;
    tables.commands = {
        {{"help", "?"}, "[command]", "this list, or one command's line", do_help},
        {{"info"}, "topic", "show what the machine knows; 'info' lists the topics", do_info},
        action({"quit", "q"}, "end the emulator", &T::quit),
        action({"stop", "s"}, "stop the guest", &T::stop),
        action({"cont", "c"}, "let the guest go on", &T::cont),
        action({"system_reset"}, "press the reset button", &T::system_reset),
        action({"nmi"}, "press the NMI button", &T::nmi),
        action({"system_powerdown"}, "press the power button", &T::system_powerdown),
        {{"accel"}, "engine", "let the guest go on in another engine (jit, kvm)", do_accel},
        {{"x"},
         "/fmt addr",
         "dump virtual memory, fmt: count, x d u o c i, b h w g",
         [](const MonitorCall& call) { return do_examine(call, false); }},
        {{"xp"}, "/fmt addr", "dump physical memory", [](const MonitorCall& call) { return do_examine(call, true); }},
        {{"print", "p"}, "/fmt expr", "print the value of an expression", do_print},
    };
    tables.info_topics = {
        {{"status"}, "", "is the guest running", do_info_status},
        text_topic("registers", "the processors' registers", &T::info_registers),
        text_topic("mem", "mapped ranges of the current page tables", &T::info_mem),
        text_topic("tlb", "each page of the current page tables", &T::info_tlb),
        text_topic("mtree", "what answers at which address and port", &T::info_mtree),
        text_topic("accel", "the engine and its counters", &T::info_accel),
        text_topic("jit", "the same", &T::info_accel),
        text_topic("pci", "functions on PCI with their registers", &T::info_pci),
        text_topic("irq", "how often each interrupt line rose", &T::info_irq),
        text_topic("pic", "state of the interrupt controllers", &T::info_pic),
        text_topic("qtree", "devices", &T::info_qtree),
        text_topic("vnc", "where remote viewers connect", &T::info_vnc),
        text_topic("vga", "mode and registers of the display adapter", &T::info_vga),
    };
    add_screen_commands(tables);
    add_drive_commands(tables);
    add_mouse_commands(tables);
    add_memory_commands(tables);
    add_password_commands(tables);
    add_port_commands(tables);
    add_identity_topics(tables);
    return tables;
}

const MonitorCommand* find_command(const std::vector<MonitorCommand>& rows, std::string_view name) {
    for (const MonitorCommand& row : rows) {
        if (std::find(row.names.begin(), row.names.end(), name) != row.names.end()) return &row;
    }
    return nullptr;
}

MonitorReply run_monitor_line(MonitorTarget& target, const MonitorTables& tables, std::string_view line) {
    std::string_view rest = trimmed(line);
    const std::string_view word = take_word(rest);
    if (word.empty()) return std::string();
    const std::size_t slash = word.find('/');
    const std::string_view name = word.substr(0, slash);
    const std::string_view format = slash == word.npos ? std::string_view() : word.substr(slash + 1);
    const MonitorCommand* row = find_command(tables.commands, name);
    if (row == nullptr) return unknown("command", name, tables.commands);
    return row->handler({target, tables, name, format, rest});
}

}  // namespace twin86
