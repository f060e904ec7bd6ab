#include "devices/input/ps2_mouse.h"

#include <algorithm>
#include <cstdlib>

namespace twin86 {
namespace {

enum Command : u8 {
    kScaling1To1 = 0xe6,
    kScaling2To1 = 0xe7,
    kSetResolution = 0xe8,
    kStatusRequest = 0xe9,
    kStreamMode = 0xea,
    kReadData = 0xeb,
    kResetWrap = 0xec,
    kSetWrap = 0xee,
    kRemoteMode = 0xf0,
    kReadDeviceType = 0xf2,
    kSetSampleRate = 0xf3,
    kEnable = 0xf4,
    kDisable = 0xf5,
    kSetDefault = 0xf6,
    kResendLast = 0xfe,
    kReset = 0xff,
};

constexpr i32 kMaxBacklog = 4096;  // movement that nobody fetches does not grow without bound

i32 accumulate(i32 sum, int delta) {
    return static_cast<i32>(std::clamp<i64>(i64{sum} + delta, -kMaxBacklog, kMaxBacklog));
}

/// Takes what fits in one packet off the accumulator.
i32 take(i32& accumulator, i32 lowest, i32 highest) {
    const i32 part = std::clamp(accumulator, lowest, highest);
    accumulator -= part;
    return part;
}

/// The table of the 2:1 scaling command.
i32 scaled(i32 count) {
    static constexpr std::array<i32, 6> kTable{0, 1, 1, 3, 6, 9};
    const i32 magnitude = std::abs(count);
    const i32 result = magnitude < 6 ? kTable[static_cast<std::size_t>(magnitude)] : std::min(2 * magnitude, 255);
    return count < 0 ? -result : result;
}

}  // namespace

void Ps2Mouse::reset() {
    clear_output();
    set_defaults();
    device_id_ = 0;
    awaiting_ = 0;
    last_rates_.fill(0);
    buttons_ = reported_buttons_ = 0;
}

void Ps2Mouse::set_defaults() {
    mode_ = mode_before_wrap_ = Mode::kStream;
    reporting_ = false;
    scaling_2_to_1_ = false;
    resolution_ = 2;
    sample_rate_ = 100;
    dx_ = dy_ = wheel_ = 0;
}

void Ps2Mouse::visit(StateArchive& archive) {
    visit_queues(archive, kEventCapacity);
    archive.fields(mode_, mode_before_wrap_, reporting_, scaling_2_to_1_, resolution_, sample_rate_, device_id_,
                   awaiting_, last_rates_, buttons_, reported_buttons_, dx_, dy_, wheel_);
    if (!archive.loading()) return;
    dx_ = accumulate(dx_, 0);
    dy_ = accumulate(dy_, 0);
    wheel_ = accumulate(wheel_, 0);
}

void Ps2Mouse::write(u8 byte) {
    if (mode_ == Mode::kWrap && byte != kResetWrap && byte != kReset) return reply({byte});
    clear_events();
    if (awaiting_ != 0) return argument(byte);
    command(byte);
}

void Ps2Mouse::command(u8 byte) {
    switch (byte) {
        case kScaling1To1:
        case kScaling2To1:
            scaling_2_to_1_ = byte == kScaling2To1;
            break;
        case kSetResolution:
        case kSetSampleRate:
            awaiting_ = byte;
            break;
        case kStatusRequest:
            return reply_status();
        case kStreamMode:
            mode_ = Mode::kStream;
            break;
        case kRemoteMode:
            mode_ = Mode::kRemote;
            break;
        case kSetWrap:
            mode_before_wrap_ = mode_;
            mode_ = Mode::kWrap;
            break;
        case kResetWrap:
            if (mode_ == Mode::kWrap) mode_ = mode_before_wrap_;
            break;
        case kReadData:
            reply({kAck});
            return send_packet(true);
        case kReadDeviceType:
            return reply({kAck, device_id_});
        case kEnable:
        case kDisable:
            reporting_ = byte == kEnable;
            break;
        case kSetDefault:
            set_defaults();
            break;
        case kResendLast:
            return resend();
        case kReset:
            reset();
            return reply({kAck, kTestPassed, 0x00});
        default:
            return reply({kResend});
    }
    reply({kAck});
}

void Ps2Mouse::argument(u8 byte) {
    const u8 command = awaiting_;
    awaiting_ = 0;
    if (command == kSetSampleRate) {
        set_sample_rate(byte);
    } else if (byte > 3) {
        return reply({kResend});
    } else {
        resolution_ = byte;
    }
    reply({kAck});
}

/// Rates 200, 100, 80 make it a wheel mouse; 200, 200, 80 then give it two more buttons.
void Ps2Mouse::set_sample_rate(u8 rate) {
    sample_rate_ = rate;
    last_rates_ = {last_rates_[1], last_rates_[2], rate};
    if (last_rates_ == std::array<u8, 3>{200, 100, 80}) device_id_ = 3;
    if (last_rates_ == std::array<u8, 3>{200, 200, 80} && device_id_ == 3) device_id_ = 4;
}

void Ps2Mouse::reply_status() {
    const u8 flags = (mode_ == Mode::kRemote ? 0x40 : 0) | (reporting_ ? 0x20 : 0) | (scaling_2_to_1_ ? 0x10 : 0) |
                     ((buttons_ & kLeft) ? 4 : 0) | ((buttons_ & kMiddle) ? 2 : 0) | ((buttons_ & kRight) ? 1 : 0);
    reply({kAck, flags, resolution_, sample_rate_});
}

void Ps2Mouse::move(int dx, int dy, int wheel) {
    dx_ = accumulate(dx_, dx);
    dy_ = accumulate(dy_, -std::clamp(dy, -kMaxBacklog, kMaxBacklog));  // the mouse counts upwards
    wheel_ = accumulate(wheel_, wheel);
    if (!events_waiting()) stream();
}

void Ps2Mouse::set_buttons(u8 pressed) {
    buttons_ = pressed & 0x1f;
    // Each change is a packet of its own even behind unread ones: a click must not disappear.
    stream();
}

void Ps2Mouse::stream() {
    if (mode_ != Mode::kStream || !reporting_) return;
    if (device_id_ == 0) wheel_ = 0;
    if (has_news() && event_count() + 4 <= kEventCapacity) send_packet(false);
}

void Ps2Mouse::send_packet(bool as_reply) {
    i32 dx = take(dx_, -255, 255);
    i32 dy = take(dy_, -255, 255);
    if (scaling_2_to_1_ && !as_reply) dx = scaled(dx), dy = scaled(dy);
    const i32 wheel = take(wheel_, -8, 7);
    reported_buttons_ = buttons_;
    std::array<u8, 4> packet{};
    packet[0] = static_cast<u8>(0x08 | (buttons_ & 7) | (dx < 0 ? 0x10 : 0) | (dy < 0 ? 0x20 : 0));
    packet[1] = static_cast<u8>(dx);
    packet[2] = static_cast<u8>(dy);
    packet[3] = static_cast<u8>(wheel);
    if (device_id_ == 4) packet[3] = static_cast<u8>((wheel & 0x0f) | ((buttons_ & (kFourth | kFifth)) << 1));
    const std::size_t count = device_id_ == 0 ? 3 : 4;
    if (!as_reply) {
        queue_event(packet.data(), count, kEventCapacity);
        return;
    }
    for (std::size_t i = 0; i < count; ++i) add_reply(packet[i]);
}

}  // namespace twin86
