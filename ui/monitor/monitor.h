// Monitor: the command line of a running machine, on any character back-end. Several may run at once.
#pragma once

#include <deque>
#include <memory>
#include <string_view>

#include "devices/core/char_port.h"
#include "ui/monitor/command_table.h"
#include "ui/monitor/line_editor.h"

namespace twin86 {

class Monitor : public CharReceiver {
  public:
    static constexpr std::string_view kPrompt = "(twin86) ";

    /// Target, tables and back-end outlive the monitor. Says nothing until greet() or on_focus().
    Monitor(MonitorTarget& target, const MonitorTables& tables, CharBackend& backend);
    ~Monitor() override;
    Monitor(const Monitor&) = delete;
    Monitor& operator=(const Monitor&) = delete;

    /// A new user: banner and prompt. For a terminal at start, for a socket at each connection.
    void greet();
    /// A mux gave us the keyboard: the banner the first time, the line being edited afterwards.
    void on_focus();
    /// Shows text on a line of its own above the line being edited.
    void print(std::string_view text);

    std::size_t receive_room() const override { return pending_ ? 0 : 4096; }
    void receive(std::span<const u8> bytes) override;

    /// A command that takes its time wants poll() to be called some times a second, or does not any more.
    void set_on_busy(std::function<void(bool busy)> callback) { on_busy_ = std::move(callback); }
    void poll();

  private:
    void work();
    void run_line();
    void show(std::string_view text);

    MonitorTarget& target_;
    const MonitorTables& tables_;
    CharBackend& backend_;
    LineEditor editor_;
    bool greeted_ = false;
    std::deque<u8> waiting_;
    std::unique_ptr<PendingReply> pending_;
    std::function<void(bool)> on_busy_;
};

}  // namespace twin86
