// The monitor's commands as a table: name, aliases, arguments, help, handler. A new command is one more row.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ui/monitor/monitor_target.h"

namespace twin86 {

struct MonitorTables;

/// The answer of a command that takes its time. Destroying it ends the wait.
class PendingReply {
  public:
    virtual ~PendingReply() = default;
    /// What to print, once it is known.
    virtual std::optional<std::string> poll() = 0;
};

/// What a command prints now, or later.
struct MonitorReply {
    MonitorReply(std::string now) : text(std::move(now)) {}
    MonitorReply(std::unique_ptr<PendingReply> later) : pending(std::move(later)) {}
    std::string text;
    std::unique_ptr<PendingReply> pending;
};

/// One call of a command.
struct MonitorCall {
    MonitorTarget& target;
    const MonitorTables& tables;
    std::string_view name;       ///< as it was typed, without the format
    std::string_view format;     ///< of "x/4xg": "4xg"
    std::string_view arguments;  ///< the rest of the line, trimmed
};

struct MonitorCommand {
    std::vector<std::string_view> names;  ///< the first one is shown, the others are aliases
    std::string_view arguments;           ///< for help
    std::string_view help;
    std::function<MonitorReply(const MonitorCall&)> handler;
};

struct MonitorTables {
    std::vector<MonitorCommand> commands;
    std::vector<MonitorCommand> info_topics;
};

/// The rows that every machine has.
MonitorTables standard_monitor_tables();

/// The row with this name or alias, or nullptr.
const MonitorCommand* find_command(const std::vector<MonitorCommand>& rows, std::string_view name);

/// Runs one line: the whole monitor without a terminal (for scripts and QMP).
MonitorReply run_monitor_line(MonitorTarget& target, const MonitorTables& tables, std::string_view line);

}  // namespace twin86
