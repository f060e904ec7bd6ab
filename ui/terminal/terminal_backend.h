// TerminalBackend: standard input and output, on a terminal or on pipes.
#pragma once

#include <unistd.h>

#include <optional>

#include "ui/terminal/host_backend.h"
#include "ui/terminal/input_pump.h"
#include "ui/terminal/output_buffer.h"
#include "ui/terminal/raw_terminal.h"

namespace twin86 {

struct TerminalOptions {
    int in_fd = STDIN_FILENO;
    int out_fd = STDOUT_FILENO;
    bool keep_signals = true;  ///< false: Ctrl-C goes to the guest
};

/// End of file on the input is not an end of the machine; the output goes on.
class TerminalBackend : public HostBackend {
  public:
    explicit TerminalBackend(EventLoop& loop, TerminalOptions options = {});

    void write(std::span<const u8> bytes) override { output_.write(bytes); }
    void set_receiver(CharReceiver* receiver) override { input_.set_receiver(receiver); }
    void receiver_ready() override { input_.update(); }
    std::string description() const override { return "stdio"; }
    int finish() override {
        output_.close();
        return output_.failure();
    }

  private:
    RawTerminal raw_;
    UniqueFd in_, out_;
    OutputBuffer output_;
    InputPump input_;
};

}  // namespace twin86
