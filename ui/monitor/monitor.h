// Monitor: the command line of a running machine, on any character back-end. Several may run at once.
#pragma once

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

    std::size_t receive_room() const override { return 4096; }
    void receive(std::span<const u8> bytes) override;

  private:
    void run_line();
    void show(std::string_view text);

    MonitorTarget& target_;
    const MonitorTables& tables_;
    CharBackend& backend_;
    LineEditor editor_;
    bool greeted_ = false;
};

}  // namespace twin86
