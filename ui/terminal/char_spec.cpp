#include "ui/terminal/char_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <optional>
#include <vector>

#include "base/nearest.h"
#include "ui/terminal/basic_backends.h"
#include "ui/terminal/logged_backend.h"
#include "ui/terminal/pipe_backend.h"
#include "ui/terminal/pty_backend.h"
#include "ui/terminal/ring_backend.h"
#include "ui/terminal/socket_backend.h"
#include "ui/terminal/terminal_backend.h"
#include "ui/terminal/udp_backend.h"

namespace twin86 {
namespace {

using Words = std::vector<std::string>;

/// Splits at commas; ",," is a comma that belongs to the value.
Words split_commas(std::string_view text) {
    Words words(1);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != ',') {
            words.back() += text[i];
        } else if (i + 1 < text.size() && text[i + 1] == ',') {
            words.back() += ',';
            ++i;
        } else {
            words.emplace_back();
        }
    }
    return words;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
    if (text.substr(0, prefix.size()) != prefix) return false;
    text.remove_prefix(prefix.size());
    return true;
}

Result<bool> parse_switch(std::string_view key, std::string_view value) {
    if (value.empty() || value == "on" || value == "yes" || value == "true" || value == "1") return true;
    if (value == "off" || value == "no" || value == "false" || value == "0") return false;
    return error("'{}' must be 'on' or 'off', not '{}'", key, value);
}

struct Property {
    std::string_view name;
    std::string CharSpec::*text;
    bool CharSpec::*flag;
    bool inverted = false;
};

constexpr std::array<Property, 17> kProperties{{
    {"id", &CharSpec::id, nullptr},
    {"path", &CharSpec::path, nullptr},
    {"host", &CharSpec::host, nullptr},
    {"port", &CharSpec::port, nullptr},
    {"server", nullptr, &CharSpec::server},
    {"wait", nullptr, &CharSpec::wait},
    {"nowait", nullptr, &CharSpec::wait, true},
    {"mux", nullptr, &CharSpec::mux},
    {"signal", nullptr, &CharSpec::signals},
    {"append", nullptr, &CharSpec::append},
    {"logfile", &CharSpec::log_path, nullptr},
    {"logappend", nullptr, &CharSpec::log_append},
    {"localaddr", &CharSpec::local_address, nullptr},
    {"localport", &CharSpec::local_port, nullptr},
    {"telnet", nullptr, &CharSpec::telnet},
    {"nodelay", nullptr, nullptr},  // always so
    {"ipv4", nullptr, nullptr},
}};

std::vector<std::string_view> property_names() {
    std::vector<std::string_view> names;
    for (const Property& p : kProperties) names.push_back(p.name);
    return names;
}

/// Of a ring, as QEMU wants it.
Status set_size(CharSpec& spec, std::string_view value) {
    constexpr std::size_t kLargest = 64 * MiB;
    const char* const end = value.data() + value.size();
    const auto [rest, failure] = std::from_chars(value.data(), end, spec.size);
    const u64 unit = rest == end ? 1 : end - rest == 1 && *rest == 'K' ? KiB : end - rest == 1 && *rest == 'M' ? MiB : 0;
    if (failure != std::errc() || unit == 0 || spec.size > kLargest / unit || !std::has_single_bit(spec.size * unit))
        return error("character back-end: size={} must be a power of two up to 64M", value);
    spec.size *= unit;
    return {};
}

Status apply_property(CharSpec& spec, std::string_view word) {
    const std::size_t equals = word.find('=');
    const std::string_view key = word.substr(0, equals);
    const std::string_view value = equals == word.npos ? std::string_view() : word.substr(equals + 1);
    if (key == "size") return set_size(spec, value);
    if (key == "reconnect") return value == "0" ? Status() : error("character back-end: a server that is lost is not looked for again (reconnect=0)");
    const auto* p =
        std::find_if(kProperties.begin(), kProperties.end(), [&](const Property& q) { return q.name == key; });
    if (p == kProperties.end()) {
        return error("character back-end: unknown property '{}'{}", key, did_you_mean(key, property_names()));
    }
    if (p->text != nullptr) {
        if (value.empty()) return error("character back-end: '{}' needs a value", key);
        spec.*(p->text) = value;
        return {};
    }
    const Result<bool> on = parse_switch(key, value);
    if (!on) return on.failure();
    if (p->flag != nullptr) spec.*(p->flag) = on.value() != p->inverted;
    return {};
}

Status apply_properties(CharSpec& spec, const Words& words, std::size_t first) {
    for (std::size_t i = first; i < words.size(); ++i) {
        if (words[i].empty()) continue;
        if (const Status s = apply_property(spec, words[i]); !s) return s;
    }
    return {};
}

/// HOST:PORT, :PORT or PORT; an IPv6 host stands in brackets.
void split_address(std::string_view text, std::string& host, std::string& port) {
    const std::size_t colon = text.rfind(':');
    port = colon == text.npos ? text : text.substr(colon + 1);
    host = colon == text.npos ? std::string_view() : text.substr(0, colon);
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
}

Status parse_address(CharSpec& spec, std::string_view kind, std::string_view text) {
    split_address(text, spec.host, spec.port);
    if (spec.port.empty()) return error("'{0}:{1}' has no port; write {0}:HOST:PORT", kind, text);
    return {};
}

/// [HOST]:PORT[@[ADDRESS]:PORT]
Status parse_udp(CharSpec& spec, std::string_view text) {
    const std::size_t at = std::min(text.find('@'), text.size());
    if (at < text.size()) split_address(text.substr(at + 1), spec.local_address, spec.local_port);
    return parse_address(spec, "udp", text.substr(0, at));
}

Result<CharSpec> with_properties(CharSpec spec, const Words& words) {
    if (const Status s = apply_properties(spec, words, 1); !s) return s.failure();
    return spec;
}

std::optional<CharKind> simple_kind(std::string_view word) {
    if (word == "none") return CharKind::kNone;
    if (word == "null") return CharKind::kNull;
    if (word == "stdio") return CharKind::kStdio;
    if (word == "pty") return CharKind::kPty;
    return std::nullopt;
}

}  // namespace

Result<CharSpec> parse_char_spec(std::string_view text) {
    CharSpec spec;
    if (take_prefix(text, "mon:")) {
        spec.mux = true;
        spec.signals = false;  // a shared terminal sends Ctrl-C to the guest
    }
    std::string_view rest = text;
    if (take_prefix(rest, "file:")) {  // a path may contain commas
        spec.kind = CharKind::kFile;
        spec.path = rest;
        if (spec.path.empty()) return error("'file:' needs a path");
        return spec;
    }
    if (take_prefix(rest, "pipe:")) {
        spec.kind = CharKind::kPipe;
        spec.path = rest;
        if (spec.path.empty()) return error("'pipe:' needs a path");
        return spec;
    }
    if (take_prefix(rest, "chardev:")) {
        spec.kind = CharKind::kReference;
        spec.id = rest;
        if (spec.id.empty()) return error("'chardev:' needs the id of a -chardev");
        return spec;
    }
    const Words words = split_commas(text);
    std::string_view head = words[0];
    if (const auto kind = simple_kind(head)) {
        spec.kind = *kind;
        return with_properties(spec, words);
    }
    if (take_prefix(head, "unix:")) {
        spec.kind = CharKind::kUnix;
        spec.path = head;
        if (spec.path.empty()) return error("'unix:' needs a path");
        return with_properties(spec, words);
    }
    spec.telnet = head.starts_with("telnet:");
    if (take_prefix(head, "tcp:") || take_prefix(head, "telnet:")) {
        spec.kind = CharKind::kTcp;
        if (const Status s = parse_address(spec, spec.telnet ? "telnet" : "tcp", head); !s) return s.failure();
        return with_properties(spec, words);
    }
    if (take_prefix(head, "udp:")) {
        spec.kind = CharKind::kUdp;
        if (const Status s = parse_udp(spec, head); !s) return s.failure();
        return with_properties(spec, words);
    }
    static constexpr std::array<std::string_view, 11> kKnown{
        "stdio", "null", "none", "pty", "pipe:PATH", "file:PATH", "unix:PATH", "tcp:HOST:PORT", "telnet:HOST:PORT", "udp:HOST:PORT", "mon:stdio"};
    if (head == "vc") return error("'vc': no window has consoles beside the screen; use stdio, pty or unix:PATH,server,nowait");
    if (head.starts_with("/dev/")) return error("'{0}': ports of this host are not passed on; socat can lead one to unix:PATH", head);
    return error(
        "unknown character back-end '{}'{}; known: stdio, null, none, pty, file:PATH, pipe:PATH, unix:PATH, tcp:HOST:PORT, "
        "telnet:HOST:PORT, udp:HOST:PORT, "
        "chardev:ID",
        text, did_you_mean(head, kKnown));
}

Result<CharSpec> parse_chardev(std::string_view text) {
    static constexpr std::array<std::string_view, 8> kKinds{"stdio", "null", "pty", "file", "pipe", "socket", "udp", "ringbuf"};
    const Words words = split_commas(text);
    CharSpec spec;
    const std::string& head = words[0];
    const auto simple = simple_kind(head);
    if (simple && head != "none") {
        spec.kind = *simple;
    } else if (head == "file") {
        spec.kind = CharKind::kFile;
    } else if (head == "pipe") {
        spec.kind = CharKind::kPipe;
    } else if (head == "udp") {
        spec.kind = CharKind::kUdp;
    } else if (head == "ringbuf" || head == "memory") {
        spec.kind = CharKind::kRing;
    } else if (head != "socket") {
        return error("unknown -chardev kind '{}'{}; known: {}", head, did_you_mean(head, kKinds),
                     fmt::join(kKinds, ", "));
    }
    if (const Status s = apply_properties(spec, words, 1); !s) return s.failure();
    if (head == "socket") spec.kind = spec.path.empty() ? CharKind::kTcp : CharKind::kUnix;
    if (spec.id.empty()) return error("-chardev {}: needs id=NAME", head);
    if ((spec.kind == CharKind::kFile || spec.kind == CharKind::kPipe) && spec.path.empty()) return error("-chardev {}: needs path=PATH", head);
    if (spec.size != 0 && spec.kind != CharKind::kRing) return error("-chardev {}: size= is ringbuf's", head);
    if (spec.kind == CharKind::kUdp && spec.port.empty()) return error("-chardev udp: needs port=PORT");
    if (spec.kind == CharKind::kTcp && spec.port.empty()) return error("-chardev socket: needs path=PATH or port=PORT");
    return spec;
}

namespace {

Result<std::unique_ptr<HostBackend>> open_plain(EventLoop& loop, const CharSpec& spec) {
    switch (spec.kind) {
        case CharKind::kStdio:
            return std::unique_ptr<HostBackend>(
                std::make_unique<TerminalBackend>(loop, TerminalOptions{.keep_signals = spec.signals}));
        case CharKind::kFile:
            return FileBackend::open(loop, spec.path, spec.append);
        case CharKind::kPipe:
            return PipeBackend::open(loop, spec.path);
        case CharKind::kPty:
            return PtyBackend::open(loop);
        case CharKind::kUnix:
        case CharKind::kTcp:
            return SocketBackend::open(loop, spec);
        case CharKind::kUdp:
            return UdpBackend::open(loop, spec);
        case CharKind::kRing:
            return std::unique_ptr<HostBackend>(std::make_unique<RingBackend>(spec.size == 0 ? RingBackend::kDefaultSize : spec.size));
        case CharKind::kReference:
            return error("there is no -chardev with id '{}'", spec.id);
        case CharKind::kNone:
        case CharKind::kNull:
            break;
    }
    return std::unique_ptr<HostBackend>(std::make_unique<NullBackend>());
}

}  // namespace

Result<std::unique_ptr<HostBackend>> open_char_backend(EventLoop& loop, const CharSpec& spec) {
    auto backend = open_plain(loop, spec);
    if (!backend || spec.log_path.empty()) return backend;
    auto log = FileBackend::open(loop, spec.log_path, spec.log_append);
    if (!log) return log.failure();
    return std::unique_ptr<HostBackend>(std::make_unique<LoggedBackend>(backend.take(), log.take()));
}

Result<std::unique_ptr<HostBackend>> open_char_backend(EventLoop& loop, std::string_view text) {
    const Result<CharSpec> spec = parse_char_spec(text);
    if (!spec) return spec.failure();
    return open_char_backend(loop, spec.value());
}

}  // namespace twin86
