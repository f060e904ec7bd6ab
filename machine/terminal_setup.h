// TerminalSetup: the character devices that the command line asks for, and who is connected to them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "machine/options.h"
#include "ui/monitor/monitor.h"
#include "ui/terminal/char_spec.h"
#include "ui/terminal/mux.h"
#include "ui/terminal/ticker.h"

namespace twin86 {

class Machine;

/// Outlives the machine whose serial ports it serves.
class TerminalSetup {
  public:
    static Result<std::unique_ptr<TerminalSetup>> open(const Options& options, EventLoop& loop);

    /// Back-ends of the serial ports in order; null: no such port.
    const std::vector<CharBackend*>& serials() const { return serials_; }
    /// Connects debug consoles, monitors and key commands to the machine. The target is the machine's.
    Status connect(Machine& machine, MonitorTarget& target);

    /// When the machine has ended: writes out what waits. Fails when some of what the guest said was lost.
    Status finish();

  private:
    /// A host device and, if it is shared, the mux on it.
    struct Terminal {
        std::string spelling;
        std::string label;  ///< by which the monitor knows it: an id, or serial0, compat_monitor0 ...
        std::unique_ptr<HostBackend> host;
        std::unique_ptr<TerminalMux> mux;
        unsigned users = 0;
        std::map<std::size_t, Monitor*> monitors;  ///< by port of the mux
    };
    struct MonitorPort {
        Terminal* terminal;
        CharBackend* backend;
        std::size_t index;  ///< port of the mux
    };

    static constexpr unsigned kPollMs = 50;

    explicit TerminalSetup(EventLoop& loop)
        : ticker_(loop, kPollMs, [this] {
              for (const auto& m : monitors_) m->poll();
          }) {
        add_monitor_rows();
    }
    void add_monitor_rows();
    std::string list() const;
    Status open_all(const Options& options, EventLoop& loop);
    Result<Terminal*> open_terminal(const CharSpec& spec, const std::string& spelling, const std::string& label, EventLoop& loop);
    Result<Terminal*> find_terminal(const std::string& text, const std::string& label, EventLoop& loop, bool& with_monitor);
    /// One more user of a terminal: the device itself, or a port of its mux.
    Result<CharBackend*> join(Terminal& terminal);
    Result<CharBackend*> open_device(const std::string& text, const std::string& label, EventLoop& loop);
    Status add_monitor(Terminal& terminal);
    void start_monitor(const MonitorPort& port, MonitorTarget& target);

    std::vector<std::unique_ptr<Terminal>> terminals_;
    std::map<std::string, Terminal*> named_;
    bool stdio_taken_ = false;
    std::vector<CharBackend*> serials_;
    std::vector<std::pair<IoPort, CharBackend*>> debugcons_;
    std::vector<MonitorPort> monitor_ports_;
    MonitorTables tables_ = standard_monitor_tables();
    int busy_monitors_ = 0;
    Ticker ticker_;
    std::vector<std::unique_ptr<Monitor>> monitors_;
};

/// -serial and -monitor as they are when nothing was said; QEMU's rules.
void apply_terminal_defaults(Options& options);

}  // namespace twin86
