// RawTerminal: a terminal in raw mode that comes back to its old mode on every way out of the process.
#pragma once

#include <termios.h>

#include "base/types.h"

namespace twin86 {

/// While alive, the terminal passes every key through unechoed. Restored by the destructor, by exit(), by fatal signals
/// whose action was the default one, and applied again when a stopped process continues. One per process is protected
/// against signals: a handler has nothing but a process-wide slot to find the terminal by.
class RawTerminal {
  public:
    /// With keep_signals Ctrl-C, Ctrl-\ and Ctrl-Z stay signals. Does nothing when fd is not a terminal or the process
    /// is in the background (it goes raw when it is continued in the foreground).
    RawTerminal(int fd, bool keep_signals);
    ~RawTerminal();
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;

    bool is_terminal() const { return is_terminal_; }

    /// Restores the protected terminal now; async-signal-safe, for handlers that end the process their own way.
    static void restore_now();

  private:
    static void on_fatal_signal(int signal);
    static void on_continue(int signal);
    void apply() const;
    void install_handlers();
    void remove_handlers() const;

    int fd_;
    bool is_terminal_ = false;
    bool protected_ = false;
    termios saved_{};
    termios raw_{};
    u64 handled_signals_ = 0;  // bit n: our handler was installed for signal n
};

}  // namespace twin86
