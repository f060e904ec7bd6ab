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
    waiting_.clear();
    if (std::exchange(pending_, nullptr) && on_busy_) on_busy_(false);
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

/// What comes while a command is at work waits for its turn.
void Monitor::receive(std::span<const u8> bytes) {
    waiting_.insert(waiting_.end(), bytes.begin(), bytes.end());
    work();
}

void Monitor::work() {
    std::string echo;
    while (!pending_ && !waiting_.empty()) {
        const u8 byte = waiting_.front();
        waiting_.pop_front();
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
    MonitorReply reply = run_monitor_line(target_, tables_, line);
    show(reply.text);
    pending_ = std::move(reply.pending);
    if (!pending_) return show(kPrompt);
    if (on_busy_) on_busy_(true);
}

void Monitor::poll() {
    if (!pending_) return;
    const std::optional<std::string> text = pending_->poll();
    if (!text) return;
    pending_.reset();
    if (on_busy_) on_busy_(false);
    show(*text);
    show(kPrompt);
    work();
    if (!pending_) backend_.receiver_ready();
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
