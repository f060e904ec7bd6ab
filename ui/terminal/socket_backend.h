// SocketBackend: a character connection over a Unix or TCP stream socket, as server or as client.
//
// A server has one client at a time; others wait in the backlog. Output without a client is dropped.
#pragma once

#include <memory>

#include "ui/terminal/char_spec.h"
#include "ui/terminal/input_pump.h"
#include "ui/terminal/output_buffer.h"
#include "ui/terminal/telnet_line.h"

namespace twin86 {

class SocketBackend : public HostBackend {
  public:
    static Result<std::unique_ptr<HostBackend>> open(EventLoop& loop, const CharSpec& spec);
    ~SocketBackend() override;

    void write(std::span<const u8> bytes) override;
    void set_receiver(CharReceiver* receiver) override;
    void receiver_ready() override { input_.update(); }
    void set_on_connect(std::function<void()> callback) override;
    bool connected() const override { return static_cast<bool>(peer_); }
    std::string description() const override { return description_; }

  private:
    explicit SocketBackend(EventLoop& loop) : loop_(loop) {}
    Status listen_at(const CharSpec& spec);
    void accept_client();
    void attach(UniqueFd peer);
    void detach();

    EventLoop& loop_;
    std::string description_;
    std::string unlink_path_;
    UniqueFd listener_;
    FdWatch listener_watch_;
    UniqueFd peer_;
    std::unique_ptr<TelnetLine> telnet_;  ///< null: bytes go as they are
    OutputBuffer output_;
    InputPump input_;
};

}  // namespace twin86
