#include "ui/terminal/telnet_line.h"

namespace twin86 {
namespace {

enum Command : u8 { kEndSub = 240, kBreak = 243, kSub = 250, kWill = 251, kDont = 254, kIac = 255 };

}  // namespace

std::vector<u8> TelnetLine::escaped(std::span<const u8> bytes) const {
    std::vector<u8> out;
    for (const u8 b : bytes) out.insert(out.end(), b == kIac ? 2 : 1, b);
    return out;
}

void TelnetLine::receive(std::span<const u8> bytes) {
    std::vector<u8> data;
    for (const u8 b : bytes) take(b, data);
    if (!data.empty()) receiver_->receive(data);
}

/// A client that is not binary yet sends Return as CR NUL.
void TelnetLine::take(u8 byte, std::vector<u8>& data) {
    switch (state_) {
        case State::kData:
            if (byte == kIac)
                state_ = State::kCommand;
            else if (byte != 0 || !after_return_)
                data.push_back(byte);
            after_return_ = byte == '\r';
            return;
        case State::kCommand:
            return take_command(byte, data);
        case State::kOption:
            state_ = State::kData;
            return;
        case State::kSub:
            if (byte == kIac) state_ = State::kSubCommand;
            return;
        case State::kSubCommand:
            state_ = byte == kEndSub ? State::kData : State::kSub;
            return;
    }
}

void TelnetLine::take_command(u8 byte, std::vector<u8>& data) {
    state_ = byte >= kWill && byte <= kDont ? State::kOption : byte == kSub ? State::kSub : State::kData;
    if (byte == kIac) data.push_back(byte);
    if (byte != kBreak) return;
    if (!data.empty()) receiver_->receive(data);
    data.clear();
    receiver_->receive_break();
}

}  // namespace twin86
