#include "ui/monitor/password_commands.h"

#include <charconv>
#include <ctime>

#include "ui/monitor/command_words.h"

namespace twin86 {
namespace {

std::string line_of(const Status& status) { return status ? "" : status.failure().message + "\n"; }

std::string wrong_protocol(const MonitorCall& call, std::string_view protocol) {
    return fmt::format("{} {}: viewers come by vnc alone\n", call.name, protocol);
}

/// "set_password vnc TEXT [keep]": viewers that are there stay.
std::string do_set_password(const MonitorCall& call) {
    std::string_view rest = call.arguments;
    const std::string_view protocol = take_word(rest);
    if (protocol != "vnc") return wrong_protocol(call, protocol);
    const std::string_view text = take_word(rest);
    if (text.empty()) return "set_password: a password is missing: set_password vnc PASSWORD\n";
    if (!rest.empty() && rest != "keep") return fmt::format("set_password: with vnc there is 'keep' alone, not '{}'\n", rest);
    return line_of(call.target.set_viewer_password(std::string(text)));
}

/// "now", "never", "+SECONDS" or seconds since 1970.
std::optional<i64> expiry(std::string_view text) {
    constexpr i64 kNever = std::numeric_limits<i64>::max();
    const i64 now = std::time(nullptr);
    if (text == "now") return now;
    if (text == "never") return kNever;
    const bool later = text.starts_with('+');
    if (later) text.remove_prefix(1);
    u32 seconds = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return later ? now + seconds : i64{seconds};
}

std::string do_expire_password(const MonitorCall& call) {
    std::string_view rest = call.arguments;
    const std::string_view protocol = take_word(rest);
    if (protocol != "vnc") return wrong_protocol(call, protocol);
    const std::optional<i64> when = expiry(rest);
    if (!when) return "expire_password: when is now, never, +SECONDS, or seconds since 1970\n";
    return line_of(call.target.expire_viewer_password(*when));
}

}  // namespace

std::string change_vnc_password(const MonitorCall& call) {
    std::string_view rest = call.arguments;
    take_word(rest);
    const std::string_view what = take_word(rest);
    if (what != "password" && what != "passwd") return "change vnc: there is 'change vnc password TEXT'; the address is -vnc's\n";
    if (rest.empty()) return "change vnc password: a password is missing: change vnc password TEXT\n";
    return line_of(call.target.set_viewer_password(std::string(rest)));
}

void add_password_commands(MonitorTables& tables) {
    tables.commands.push_back({{"set_password"}, "vnc password", "for remote viewers that come from now on (-vnc :N,password=on)", do_set_password});
    tables.commands.push_back({{"expire_password"}, "vnc now|never|+seconds|time", "from when on the password lets nobody in", do_expire_password});
}

}  // namespace twin86
