#include "devices/input/ps2_keyboard.h"

#include <span>
#include <vector>

namespace twin86 {
namespace {

enum Command : u8 {
    kSetLeds = 0xed,
    kEcho = 0xee,
    kScanCodeSet = 0xf0,
    kIdentify = 0xf2,
    kSetTypematic = 0xf3,
    kEnable = 0xf4,
    kDefaultDisable = 0xf5,
    kSetDefault = 0xf6,
    kAllTypematic = 0xf7,
    kAllMakeBreak = 0xf8,
    kAllMake = 0xf9,
    kAllTypematicMakeBreak = 0xfa,
    kKeyTypematic = 0xfb,
    kKeyMakeBreak = 0xfc,
    kKeyMake = 0xfd,
    kResendLast = 0xfe,
    kReset = 0xff,
};

constexpr u8 kDefaultTypematic = 0x2b;  // 10.9 characters a second after 500 ms
// A guest that does not read its keyboard is not flooded with repetitions.
constexpr std::size_t kMaxWaitingForRepeat = 16;

}  // namespace

Ps2Keyboard::Ps2Keyboard(TimerQueue& timers) : timers_(timers), repeat_timer_(timers, [this] { repeat(); }) {
    reset();
}

void Ps2Keyboard::reset() {
    clear_output();
    down_.reset();
    leds_ = 0;
    awaiting_ = 0;
    scan_code_set_ = 2;
    scanning_ = true;
    overrun_ = false;
    stop_repeat();
    set_defaults();
}

void Ps2Keyboard::drop_events() {
    clear_events();
    overrun_ = false;
}

void Ps2Keyboard::set_defaults() {
    typematic_ = kDefaultTypematic;
    key_types_.fill(0);
}

void Ps2Keyboard::visit(StateArchive& archive) {
    visit_queues(archive, kEventCapacity + 1);
    archive.fields(scanning_, overrun_, scan_code_set_, leds_, typematic_, awaiting_, key_types_, repeating_);
    for (std::size_t i = 0; i < kMaxKeys; ++i) {
        u8 down = down_[i];
        archive.field(down);
        down_[i] = down != 0;
    }
    repeat_timer_.visit(archive);
    if (!archive.loading()) return;
    if (repeating_ >= key_table().size() || !repeat_timer_.armed()) stop_repeat();
    if (scan_code_set_ >= 1 && scan_code_set_ <= 3) return;
    scan_code_set_ = 2;
    archive.fail("the keyboard's scan code set is not 1, 2 or 3");
}

void Ps2Keyboard::write(u8 byte) {
    // A command instead of an argument ends the command that waits.
    if (awaiting_ != 0 && (byte < kSetLeds || awaiting_ >= kKeyTypematic)) return argument(byte);
    awaiting_ = 0;
    command(byte);
}

void Ps2Keyboard::command(u8 byte) {
    switch (byte) {
        case kEcho:
            return reply({kEcho});
        case kIdentify:
            return reply({kAck, 0xab, 0x83});
        case kSetLeds:
        case kScanCodeSet:
        case kSetTypematic:
        case kKeyTypematic:
        case kKeyMakeBreak:
        case kKeyMake:
            awaiting_ = byte;
            return reply({kAck});
        case kEnable:
            drop_events();
            scanning_ = true;
            return reply({kAck});
        case kDefaultDisable:
        case kSetDefault:
            drop_events();
            stop_repeat();
            set_defaults();
            scanning_ = byte == kSetDefault;
            return reply({kAck});
        case kAllTypematic:
            key_types_.fill(kNoBreak);
            return reply({kAck});
        case kAllMake:
            key_types_.fill(kNoBreak | kNoTypematic);
            return reply({kAck});
        case kAllMakeBreak:
            key_types_.fill(kNoTypematic);
            return reply({kAck});
        case kAllTypematicMakeBreak:
            key_types_.fill(0);
            return reply({kAck});
        case kResendLast:
            return resend();
        case kReset:
            reset();
            return reply({kAck, kTestPassed});
        default:
            return reply({kResend});
    }
}

void Ps2Keyboard::argument(u8 byte) {
    const u8 command = awaiting_;
    awaiting_ = 0;
    switch (command) {
        case kSetLeds:
            leds_ = byte & 7;
            return reply({kAck});
        case kSetTypematic:
            typematic_ = byte & 0x7f;
            return reply({kAck});
        case kScanCodeSet:
            if (byte == 0) return reply({kAck, scan_code_set_});
            if (byte > 3) return reply({kResend});
            drop_events();
            scan_code_set_ = byte;
            return reply({kAck});
        default:
            // The key type commands take codes until another command comes.
            if (byte >= kSetLeds) return this->command(byte);
            awaiting_ = command;
            key_types_[byte] = static_cast<u8>((command != kKeyMakeBreak ? kNoBreak : 0) |
                                               (command != kKeyTypematic ? kNoTypematic : 0));
            return reply({kAck});
    }
}

void Ps2Keyboard::press(Key key, bool down) {
    if (key >= key_table().size() || key >= kMaxKeys || down == down_[key]) return;
    down_[key] = down;
    if (key == repeating_) stop_repeat();
    if (!scanning_) return;
    send_key(key, down);
    if (down) start_repeat(key);
}

void Ps2Keyboard::send_key(Key key, bool down) {
    const KeyInfo& info = key_table()[key];
    if (scan_code_set_ == 3) return send_set3(info.set3, down);
    send_code(info.set2, down);
}

// --- typematic -------------------------------------------------------------------------------------------------------

u64 Ps2Keyboard::typematic_delay_ns() const { return ((typematic_ >> 5 & 3) + 1) * u64{250'000'000}; }

/// (8 + A) * 2^B / 240 seconds, A in bits 0 to 2, B in bits 3 and 4.
u64 Ps2Keyboard::typematic_period_ns() const {
    return (u64{8} + (typematic_ & 7)) * (u64{1} << (typematic_ >> 3 & 3)) * 1'000'000'000 / 240;
}

/// Pause has no break code and does not repeat.
bool Ps2Keyboard::repeats(Key key) const {
    const KeyInfo& info = key_table()[key];
    if (info.set2 == kPauseCode) return false;
    return scan_code_set_ != 3 || (key_types_[info.set3] & kNoTypematic) == 0;
}

void Ps2Keyboard::start_repeat(Key key) {
    stop_repeat();
    if (!repeats(key)) return;
    repeating_ = key;
    repeat_timer_.arm(timers_.now_ns() + typematic_delay_ns());
}

void Ps2Keyboard::stop_repeat() {
    repeating_ = kNoKey;
    repeat_timer_.cancel();
}

void Ps2Keyboard::repeat() {
    if (repeating_ == kNoKey || !scanning_) return stop_repeat();
    if (event_count() < kMaxWaitingForRepeat) send_key(repeating_, true);
    repeat_timer_.arm(timers_.now_ns() + typematic_period_ns());
}

void Ps2Keyboard::send_set3(u8 code, bool down) {
    if (code == 0 || (!down && (key_types_[code] & kNoBreak) != 0)) return;
    const u8 bytes[] = {0xf0, code};
    send(bytes + (down ? 1 : 0), down ? 1 : 2);
}

void Ps2Keyboard::send_code(u16 set2, bool down) {
    std::vector<u8> bytes;
    const u8 code = static_cast<u8>(set2);
    if (set2 == kPauseCode) {
        if (down) bytes = {0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77};
    } else if (set2 == kPrintCode) {
        if (down)
            bytes = {0xe0, 0x12, 0xe0, 0x7c};
        else
            bytes = {0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12};
    } else {
        if (set2 >> 8) bytes.push_back(0xe0);
        if (!down) bytes.push_back(0xf0);
        bytes.push_back(code);
    }
    if (scan_code_set_ == 1) {
        ScanCodeTranslator translator;
        std::vector<u8> set1;
        for (const u8 byte : bytes) {
            if (const auto translated = translator.translate(byte)) set1.push_back(*translated);
        }
        bytes = set1;
    }
    send(bytes.data(), bytes.size());
}

/// A full buffer gets one overrun code and drops what follows until it has been emptied.
void Ps2Keyboard::send(const u8* bytes, std::size_t count) {
    if (overrun_ || queue_event(bytes, count, kEventCapacity)) return;
    const u8 code = scan_code_set_ == 1 ? 0xff : 0x00;
    queue_event(&code, 1, kEventCapacity + 1);
    overrun_ = true;
}

}  // namespace twin86
