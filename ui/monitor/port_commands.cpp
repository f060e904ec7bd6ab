#include "ui/monitor/port_commands.h"

#include "ui/monitor/command_words.h"
#include "ui/monitor/expression.h"
#include "ui/monitor/memory_dump.h"

namespace twin86 {
namespace {

constexpr u64 kLastPort = 0xffff;

Result<u64> number(const MonitorCall& call, std::string_view word) {
    return evaluate_expression(word, [&](std::string_view name) { return call.target.register_value(name); });
}

/// What both commands begin with.
struct PortAccess {
    IoPort port = 0;
    unsigned size = 4;
    std::string_view rest;
};

Result<PortAccess> parse_access(const MonitorCall& call) {
    PortAccess access;
    const Result<DumpFormat> format = parse_dump_format(take_format(call, access.rest));
    if (!format) return format.failure();
    access.size = format.value().size;
    if (access.size > 4) return error("{}: a port has 1, 2 or 4 bytes: /b, /h or /w", call.name);
    if (access.rest.empty()) return error("{}: a port is missing", call.name);
    const Result<u64> port = number(call, take_word(access.rest));
    if (!port) return port.failure();
    if (port.value() > kLastPort) return error("{}: {:#x} is no port; the last one is {:#x}", call.name, port.value(), kLastPort);
    access.port = static_cast<IoPort>(port.value());
    return access;
}

/// "i /fmt PORT [INDEX]": the index is written first, and the next port read.
std::string do_in(const MonitorCall& call) {
    auto access = parse_access(call);
    if (!access) return access.failure().message + '\n';
    IoPort port = access->port;
    if (!access->rest.empty()) {
        const Result<u64> index = number(call, access->rest);
        if (!index) return index.failure().message + '\n';
        call.target.write_port(port++, 1, static_cast<u8>(index.value()));
    }
    const char suffix = access->size == 1 ? 'b' : access->size == 2 ? 'w' : 'l';
    return fmt::format("port{}[{:#06x}] = {:#0{}x}\n", suffix, port, call.target.read_port(port, access->size), access->size * 2 + 2);
}

std::string do_out(const MonitorCall& call) {
    auto access = parse_access(call);
    if (!access) return access.failure().message + '\n';
    if (access->rest.empty()) return fmt::format("{}: a value is missing\n", call.name);
    const Result<u64> value = number(call, access->rest);
    if (!value) return value.failure().message + '\n';
    const u64 mask = ~u64{0} >> (64 - 8 * access->size);
    call.target.write_port(access->port, access->size, static_cast<u32>(value.value() & mask));
    return {};
}

}  // namespace

void add_port_commands(MonitorTables& tables) {
    tables.commands.push_back({{"i"}, "/fmt port [index]", "read an I/O port; with an index that is written to it first, the port behind it", do_in});
    tables.commands.push_back({{"o"}, "/fmt port value", "write an I/O port", do_out});
}

}  // namespace twin86
