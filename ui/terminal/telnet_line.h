// TelnetLine: the telnet protocol between a socket and whoever takes its input. RFC 854, 856 (binary), 857 (echo), 858.
#pragma once

#include <string_view>
#include <vector>

#include "devices/core/char_port.h"

namespace twin86 {

/// Commands from the client are taken out of its bytes; BREAK becomes a break. The client's own echo and line editing are
/// switched off.
class TelnetLine : public CharReceiver {
  public:
    /// What a client is sent first: WILL ECHO, WILL SUPPRESS-GO-AHEAD, WILL BINARY, DO BINARY.
    static constexpr std::string_view kGreeting{"\xff\xfb\x01\xff\xfb\x03\xff\xfb\x00\xff\xfd\x00", 12};

    void set_receiver(CharReceiver* receiver) { receiver_ = receiver; }
    /// A new client.
    void begin() { state_ = State::kData, after_return_ = false; }
    /// Output as the client expects it: the command byte twice.
    std::vector<u8> escaped(std::span<const u8> bytes) const;

    std::size_t receive_room() const override { return receiver_ != nullptr ? receiver_->receive_room() : 0; }
    void receive(std::span<const u8> bytes) override;

  private:
    enum class State { kData, kCommand, kOption, kSub, kSubCommand };
    void take(u8 byte, std::vector<u8>& data);
    void take_command(u8 byte, std::vector<u8>& data);

    CharReceiver* receiver_ = nullptr;
    State state_ = State::kData;
    bool after_return_ = false;
};

}  // namespace twin86
