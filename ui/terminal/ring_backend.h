// RingBackend: keeps the last bytes of what the guest said, for the monitor's ringbuf_read (-chardev ringbuf).
#pragma once

#include <deque>
#include <string>

#include "ui/terminal/host_backend.h"

namespace twin86 {

class RingBackend : public HostBackend {
  public:
    static constexpr std::size_t kDefaultSize = 65536;

    explicit RingBackend(std::size_t size) : size_(size) {}

    /// The oldest bytes go when there is no room.
    void write(std::span<const u8> bytes) override;
    void set_receiver(CharReceiver*) override {}
    void receiver_ready() override {}
    std::string description() const override { return "ringbuf"; }

    /// Takes the oldest bytes out, at most `count`.
    std::string take(std::size_t count);

  private:
    std::size_t size_;
    std::deque<u8> bytes_;
};

}  // namespace twin86
