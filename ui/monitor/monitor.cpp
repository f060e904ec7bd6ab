#include "ui/monitor/monitor.h"

namespace twin86 {

Monitor::Monitor(MonitorTarget& target, const MonitorTables& tables, CharBackend& backend)
    : target_(target), tables_(tables), backend_(backend) {
    backend_.set_receiver(this);
}

Monitor::~Monitor() {
    backend_.set_receiver(nullptr);
}

void Monitor::greet() {
    greeted_ = true;
    editor_.clear();
    show("Twin86 monitor - type 'help' for more information\n");
    show(kPrompt);
}

void Monitor::on_focus() {
    if (!greeted_) return greet();
    print("");
}

void Monitor::print(std::string_view text) {
    show("\n");
    show(text);
    show(kPrompt);
    show(editor_.line());
}

void Monitor::receive(std::span<const u8> bytes) {
    std::string echo;
    for (const u8 byte : bytes) {
        if (!editor_.feed(byte, echo)) continue;
        show(echo);
        echo.clear();
        run_line();
    }
    show(echo);
}

void Monitor::run_line() {
    const std::string line = editor_.line();
    editor_.accept();
    show(run_monitor_line(target_, tables_, line));
    show(kPrompt);
}

/// Sockets and ptys have no line discipline: every \n goes out as \r\n.
void Monitor::show(std::string_view text) {
    if (text.empty()) return;
    std::string out;
    out.reserve(text.size() + 16);
    for (const char c : text) {
        if (c == '\n') out += '\r';
        out += c;
    }
    backend_.write({reinterpret_cast<const u8*>(out.data()), out.size()});
}

}  // namespace twin86
