// TerminalMux: one terminal shared by the guest's serial port and the monitor, with Ctrl-A as the escape key.
//
//   Ctrl-A h  help              Ctrl-A x  quit             Ctrl-A c  switch between console and monitor
//   Ctrl-A b  send a break      Ctrl-A s  nothing (no disk cache to save)     Ctrl-A Ctrl-A  send Ctrl-A
//
// Everybody's output is shown at once; input goes to whoever has the focus. Keys wait in a bounded queue while their
// receiver has no room, and when it is full the terminal is not read any more: nothing that was typed or piped is lost.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "devices/core/char_port.h"

namespace twin86 {

class TerminalMux : public CharReceiver {
  public:
    static constexpr u8 kEscape = 0x01;  // Ctrl-A
    static constexpr std::size_t kQueueSize = 4096;

    /// The terminal must outlive the mux, and the mux the users of its ports.
    explicit TerminalMux(CharBackend& terminal);
    ~TerminalMux() override;
    TerminalMux(const TerminalMux&) = delete;
    TerminalMux& operator=(const TerminalMux&) = delete;

    /// One more participant; the first one gets the focus. The reference is valid as long as the mux.
    CharBackend& add_port();
    void focus(std::size_t index);
    std::size_t focused() const { return focused_; }

    void set_on_quit(std::function<void()> callback) { on_quit_ = std::move(callback); }
    /// Called with the index of the port that got the focus, for a monitor to show its prompt.
    void set_on_focus(std::function<void(std::size_t)> callback) { on_focus_ = std::move(callback); }

    std::size_t receive_room() const override;
    void receive(std::span<const u8> bytes) override;
    void receive_break() override;

  private:
    class Port : public CharBackend {
      public:
        explicit Port(TerminalMux& mux) : mux_(mux) {}
        void write(std::span<const u8> bytes) override { mux_.terminal_.write(bytes); }
        void set_receiver(CharReceiver* receiver) override;
        void receiver_ready() override;

      private:
        friend class TerminalMux;
        void deliver();
        TerminalMux& mux_;
        CharReceiver* receiver_ = nullptr;
        std::deque<u8> queue_;
        bool delivering_ = false;
    };

    void on_escaped(u8 key);
    void enqueue(u8 byte);
    void print(std::string_view text);

    CharBackend& terminal_;
    std::vector<std::unique_ptr<Port>> ports_;
    std::size_t focused_ = 0;
    bool escaped_ = false;
    std::function<void()> on_quit_;
    std::function<void(std::size_t)> on_focus_;
};

}  // namespace twin86
