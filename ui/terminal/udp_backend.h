// UdpBackend: a character connection by datagrams; each write is one. What the network loses is lost.
#pragma once

#include <deque>
#include <memory>

#include "ui/terminal/char_spec.h"
#include "ui/terminal/event_loop.h"

namespace twin86 {

class UdpBackend : public HostBackend {
  public:
    static Result<std::unique_ptr<HostBackend>> open(EventLoop& loop, const CharSpec& spec);
    ~UdpBackend() override;

    void write(std::span<const u8> bytes) override;
    void set_receiver(CharReceiver* receiver) override;
    void receiver_ready() override { deliver(); }
    std::string description() const override { return description_; }

  private:
    UdpBackend() = default;
    Status connect(const CharSpec& spec);
    void on_readable();
    void deliver();

    UniqueFd fd_;
    FdWatch watch_;
    std::string description_;
    CharReceiver* receiver_ = nullptr;
    std::deque<u8> waiting_;  ///< of one datagram, while the receiver has no room
};

}  // namespace twin86
