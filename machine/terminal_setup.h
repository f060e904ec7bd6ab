// TerminalSetup: the character devices that the command line asks for, and who is connected to them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "machine/options.h"
#include "ui/terminal/char_spec.h"
#include "ui/terminal/mux.h"

namespace twin86 {

class Machine;

class TerminalSetup {
  public:
    static Result<std::unique_ptr<TerminalSetup>> open(const Options& options, EventLoop& loop);

    /// Back-ends of the serial ports in order; null: no such port.
    std::vector<CharBackend*> serials() const { return serials_; }
    /// Connects debug consoles and key commands to the machine.
    void connect(Machine& machine);

  private:
    TerminalSetup() = default;
    Status open_all(const Options& options, EventLoop& loop);
    /// The back-end of a -serial, -monitor or -debugcon argument; `mux` shares the terminal with the monitor.
    Result<CharBackend*> open_one(const std::string& text, EventLoop& loop);

    std::map<std::string, std::unique_ptr<HostBackend>> named_;
    std::vector<std::unique_ptr<HostBackend>> backends_;
    std::vector<std::unique_ptr<TerminalMux>> muxes_;
    std::vector<CharBackend*> serials_;
    std::vector<std::pair<IoPort, CharBackend*>> debugcons_;
    CharBackend* stdio_ = nullptr;
};

}  // namespace twin86
