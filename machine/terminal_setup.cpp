#include "machine/terminal_setup.h"

#include <algorithm>
#include <cstring>

#include "machine/machine.h"
#include "machine/ring_commands.h"

namespace twin86 {

namespace {

bool uses_stdio(const Options& o) {
    const auto is_stdio = [](const std::string& text) {
        return text.starts_with("stdio") || text.starts_with("mon:stdio");
    };
    const auto any = [&](const std::vector<std::string>& texts) {
        return std::any_of(texts.begin(), texts.end(), is_stdio);
    };
    return any(o.serials) || any(o.monitors) || any(o.chardevs) ||
           std::any_of(o.debugcons.begin(), o.debugcons.end(), [&](const auto& d) { return is_stdio(d.chardev); });
}

}  // namespace

/// There is no window to show a console in, so the terminal is the default even without -nographic.
void apply_terminal_defaults(Options& o) {
    if (o.nodefaults) return;
    const bool free_terminal = !o.daemonize && (o.nographic || !o.display_none) && !uses_stdio(o);
    const bool default_monitor = o.monitors.empty();
    if (o.serials.empty())
        o.serials.push_back(!free_terminal ? "null" : default_monitor ? "mon:stdio" : "stdio");
    else if (default_monitor && free_terminal && o.nographic)
        o.monitors.push_back("stdio");
}

Result<std::unique_ptr<TerminalSetup>> TerminalSetup::open(const Options& options, EventLoop& loop) {
    std::unique_ptr<TerminalSetup> setup(new TerminalSetup(loop));
    if (const Status s = setup->open_all(options, loop); !s) return s.failure();
    return setup;
}

Status TerminalSetup::open_all(const Options& options, EventLoop& loop) {
    if (options.daemonize && uses_stdio(options)) return error("-daemonize: the terminal is left, so nothing can be connected to stdio");
    for (const std::string& text : options.chardevs) {
        auto spec = parse_chardev(text);
        if (!spec) return spec.failure();
        if (named_.count(spec->id) != 0) return error("-chardev: the id '{}' is used twice", spec->id);
        auto terminal = open_terminal(*spec, "chardev:" + spec->id, spec->id, loop);
        if (!terminal) return terminal.failure();
        named_[spec->id] = *terminal;
    }
    for (const std::string& text : options.serials) {
        if (text == "none") {
            serials_.push_back(nullptr);
            continue;
        }
        auto backend = open_device(text, fmt::format("serial{}", serials_.size()), loop);
        if (!backend) return error("-serial {}", backend.failure().message);
        serials_.push_back(*backend);
    }
    for (const DebugconOptions& d : options.debugcons) {
        if (d.chardev == "none") continue;
        auto backend = open_device(d.chardev, fmt::format("debugcon{}", debugcons_.size()), loop);
        if (!backend) return error("-debugcon {}", backend.failure().message);
        debugcons_.emplace_back(d.iobase, *backend);
    }
    for (const std::string& text : options.monitors) {
        if (text == "none") continue;
        bool ignored = false;
        auto terminal = find_terminal(text, fmt::format("compat_monitor{}", monitor_ports_.size()), loop, ignored);
        if (!terminal) return error("-monitor {}", terminal.failure().message);
        if (const Status s = add_monitor(**terminal); !s) return error("-monitor {}", s.failure().message);
    }
    return {};
}

Result<TerminalSetup::Terminal*> TerminalSetup::open_terminal(const CharSpec& spec, const std::string& spelling,
                                                              const std::string& label, EventLoop& loop) {
    if (spec.kind == CharKind::kStdio && stdio_taken_)
        return error("{}: standard input and output are in use already", spelling);
    auto backend = open_char_backend(loop, spec);
    if (!backend) return error("{}: {}", spelling, backend.failure().message);
    stdio_taken_ |= spec.kind == CharKind::kStdio;
    auto terminal = std::make_unique<Terminal>();
    terminal->spelling = spelling;
    terminal->label = label;
    terminal->host = backend.take();
    if (spec.mux) terminal->mux = std::make_unique<TerminalMux>(*terminal->host);
    terminals_.push_back(std::move(terminal));
    return terminals_.back().get();
}

/// `with_monitor`: "mon:" asks for a monitor beside the device.
Result<TerminalSetup::Terminal*> TerminalSetup::find_terminal(const std::string& text, const std::string& label, EventLoop& loop,
                                                              bool& with_monitor) {
    auto spec = parse_char_spec(text);
    if (!spec) return error("{}: {}", text, spec.failure().message);
    with_monitor = spec->mux;
    if (spec->kind != CharKind::kReference) return open_terminal(*spec, text, label, loop);
    const auto found = named_.find(spec->id);
    if (found == named_.end()) return error("{}: there is no -chardev with id={}", text, spec->id);
    return found->second;
}

Result<CharBackend*> TerminalSetup::join(Terminal& t) {
    if (++t.users > 1 && t.mux == nullptr) return error("{}: is in use already (share it with mux=on)", t.spelling);
    if (t.mux == nullptr) return static_cast<CharBackend*>(t.host.get());
    return &t.mux->add_port();
}

Result<CharBackend*> TerminalSetup::open_device(const std::string& text, const std::string& label, EventLoop& loop) {
    bool with_monitor = false;
    auto terminal = find_terminal(text, label, loop, with_monitor);
    if (!terminal) return terminal.failure();
    auto backend = join(**terminal);
    if (!backend) return backend.failure();
    if (with_monitor && (*terminal)->mux != nullptr)
        if (const Status s = add_monitor(**terminal); !s) return s.failure();
    return backend;
}

Status TerminalSetup::add_monitor(Terminal& t) {
    auto backend = join(t);
    if (!backend) return backend.failure();
    monitor_ports_.push_back({&t, *backend, t.users - 1});
    return {};
}

Status TerminalSetup::connect(Machine& machine, MonitorTarget& target) {
    for (const auto& [port, backend] : debugcons_)
        if (const Status s = machine.board().add_debugcon(port, *backend); !s) return s;
    for (const MonitorPort& port : monitor_ports_) start_monitor(port, target);
    for (const auto& t : terminals_) {
        if (t->mux == nullptr) continue;
        t->mux->set_on_quit([&machine] { machine.quit(0); });
        t->mux->set_on_focus([t = t.get()](std::size_t index) {
            const auto monitor = t->monitors.find(index);
            if (monitor != t->monitors.end()) monitor->second->on_focus();
        });
    }
    return {};
}

Status TerminalSetup::finish() {
    for (const auto& t : terminals_)
        if (const int reason = t->host->finish(); reason != 0)
            return error("{}: output was lost: {}", t->host->description(), std::strerror(reason));
    return {};
}

std::string TerminalSetup::list() const {
    std::string text;
    for (const auto& t : terminals_) text += fmt::format("{}: filename={}\n", t->label, t->host->description());
    return text;
}

/// What only whoever opened them knows.
void TerminalSetup::add_monitor_rows() {
    tables_.info_topics.push_back({{"chardev"}, "", "character devices", [this](const MonitorCall&) { return list(); }});
    add_ring_commands(tables_, [this](const std::string& id) -> RingBackend* {
        const auto found = named_.find(id);
        return found == named_.end() ? nullptr : dynamic_cast<RingBackend*>(found->second->host.get());
    });
}

/// Beside a serial port it waits for Ctrl-A c; on a terminal of its own it greets whoever is or comes there.
void TerminalSetup::start_monitor(const MonitorPort& port, MonitorTarget& target) {
    monitors_.push_back(std::make_unique<Monitor>(target, tables_, *port.backend));
    Monitor* const monitor = monitors_.back().get();
    monitor->set_on_busy([this](bool busy) { ticker_.run((busy_monitors_ += busy ? 1 : -1) > 0); });
    Terminal& t = *port.terminal;
    if (t.mux != nullptr) t.monitors[port.index] = monitor;
    if (port.index != 0) return;
    const auto greeted = std::make_shared<bool>(false);
    t.host->set_on_connect([monitor, greeted] {  // called at once by a socket that is connected
        *greeted = true;
        monitor->greet();
    });
    if (t.host->connected() && !*greeted) monitor->greet();
}

}  // namespace twin86
