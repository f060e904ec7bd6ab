#include "machine/ring_commands.h"

#include <charconv>

#include "ui/monitor/command_words.h"

namespace twin86 {
namespace {

std::string no_ring(std::string_view id) {
    return fmt::format("there is no -chardev ringbuf with id={}; 'info chardev' lists what there is\n", id);
}

/// As it may stand on a terminal.
std::string printable(const std::string& bytes) {
    std::string text;
    for (const char c : bytes) {
        const u8 b = static_cast<u8>(c);
        if (c == '\\')
            text += "\\\\";
        else if ((b < 0x20 && c != '\n') || b == 0x7f)
            text += fmt::format("\\u{:04X}", b);
        else
            text += c;
    }
    return text + '\n';
}

std::string do_read(const MonitorCall& call, const RingLookup& find) {
    std::string_view rest = call.arguments;
    const std::string_view id = take_word(rest);
    RingBackend* const ring = find(std::string(id));
    if (ring == nullptr) return no_ring(id);
    std::size_t count = 0;
    const auto [end, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
    if (failure != std::errc() || end != rest.data() + rest.size() || count == 0) return "ringbuf_read: wants a device and a number of bytes\n";
    return printable(ring->take(count));
}

std::string do_write(const MonitorCall& call, const RingLookup& find) {
    std::string_view rest = call.arguments;
    const std::string_view id = take_word(rest);
    RingBackend* const ring = find(std::string(id));
    if (ring == nullptr) return no_ring(id);
    ring->write({reinterpret_cast<const u8*>(rest.data()), rest.size()});
    return {};
}

}  // namespace

void add_ring_commands(MonitorTables& tables, const RingLookup& find) {
    tables.commands.push_back({{"ringbuf_read"}, "device size", "take that many of the oldest bytes out of a -chardev ringbuf",
                               [find](const MonitorCall& call) { return do_read(call, find); }});
    tables.commands.push_back({{"ringbuf_write"}, "device data", "put text into a -chardev ringbuf",
                               [find](const MonitorCall& call) { return do_write(call, find); }});
}

}  // namespace twin86
