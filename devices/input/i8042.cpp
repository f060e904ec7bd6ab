#include "devices/input/i8042.h"

namespace twin86 {
namespace {

enum Command : u8 {
    kReadRam = 0x20,   // to 0x3f
    kWriteRam = 0x60,  // to 0x7f
    kTestPassword = 0xa4,
    kDisableAux = 0xa7,
    kEnableAux = 0xa8,
    kTestAux = 0xa9,
    kSelfTest = 0xaa,
    kTestKeyboard = 0xab,
    kDisableKeyboard = 0xad,
    kEnableKeyboard = 0xae,
    kReadInputPort = 0xc0,
    kPollInputLow = 0xc1,
    kPollInputHigh = 0xc2,
    kReadOutputPort = 0xd0,
    kWriteOutputPort = 0xd1,
    kWriteKeyboardBuffer = 0xd2,
    kWriteAuxBuffer = 0xd3,
    kWriteAux = 0xd4,
    kDisableA20 = 0xdd,
    kEnableA20 = 0xdf,
    kReadTestInputs = 0xe0,
    kPulseOutput = 0xf0,  // to 0xff
};
enum Config : u8 {
    kKeyboardInt = 0x01,
    kAuxInt = 0x02,
    kSystemFlag = 0x04,
    kKeyboardOff = 0x10,
    kAuxOff = 0x20,
    kTranslate = 0x40
};
enum Status : u8 {
    kOutputFull = 0x01,
    kStatusSystem = 0x04,
    kCommandWritten = 0x08,
    kUnlocked = 0x10,
    kAuxFull = 0x20
};
enum OutputPort : u8 { kNoReset = 0x01, kA20 = 0x02, kKeyboardFull = 0x10, kMouseFull = 0x20, kLatched = 0xc3 };

constexpr u8 kInputPort = 0x80;  // bit 7: the keyboard is not locked

}  // namespace

I8042::I8042(Wiring wiring, TimerQueue& timers, Log& log)
    : wiring_(std::move(wiring)), log_(log), keyboard_(timers) {
    keyboard_.set_on_output([this] { fill_output_buffer(); });
    mouse_.set_on_output([this] { fill_output_buffer(); });
    reset(ResetKind::kPowerOn);
}

void I8042::reset(ResetKind) {
    keyboard_.reset();
    mouse_.reset();
    ram_.fill(0);
    ram_[0] = kKeyboardInt | kAuxInt | kTranslate;  // as firmware leaves it, for kernels that are started without any
    awaiting_ = 0;
    last_write_was_command_ = false;
    polled_.reset();
    output_full_ = output_auxiliary_ = reply_waiting_ = reply_auxiliary_ = false;
    output_buffer_ = reply_ = 0;
    translator_.break_seen = false;
    output_port_ = kLatched;
    wiring_.set_a20(true);
    update_irq();
}

void I8042::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) {
        archive.fields(ram_, output_port_, awaiting_, last_write_was_command_, output_buffer_, output_full_,
                       output_auxiliary_, reply_waiting_, reply_auxiliary_, reply_, translator_.break_seen);
        bool polling = polled_.has_value();
        u8 polled = polled_.value_or(0);
        archive.fields(polling, polled);
        polled_ = polling ? std::optional(polled) : std::nullopt;
        keyboard_.visit(archive);
        mouse_.visit(archive);
        if (!archive.loading()) return;
        wiring_.set_a20((output_port_ & kA20) != 0);
        update_irq();
    });
}

// --- port 0x60 -------------------------------------------------------------------------------------------------------

u8 I8042::read_data() {
    const u8 value = output_buffer_;
    if (output_full_) {
        output_full_ = false;
        update_irq();  // down first, so that the next byte makes an edge
        fill_output_buffer();
    }
    return value;
}

void I8042::write_data(u8 value) {
    last_write_was_command_ = false;
    if (awaiting_ != 0) {
        const u8 command = awaiting_;
        awaiting_ = 0;
        return command_argument(command, value);
    }
    ram_[0] &= ~kKeyboardOff;  // talking to the keyboard opens its port
    keyboard_.write(value);
    fill_output_buffer();
}

void I8042::command_argument(u8 command, u8 value) {
    switch (command) {
        case kWriteOutputPort:
            return write_output_port(value);
        case kWriteKeyboardBuffer:
            return reply(value);
        case kWriteAuxBuffer:
            return reply(value, true);
        case kWriteAux:
            ram_[0] &= ~kAuxOff;
            mouse_.write(value);
            return fill_output_buffer();
        case kWriteRam:
            return write_config(value);
        default:
            ram_[command & 0x1f] = value;
    }
}

void I8042::write_config(u8 value) {
    ram_[0] = value;
    update_irq();
    fill_output_buffer();
}

// --- port 0x64 -------------------------------------------------------------------------------------------------------

/// Polling (C1h, C2h) shows half of the input port in the upper half of the status until the next command.
u8 I8042::read_status() const {
    u8 status = polled_ ? *polled_ : u8{kUnlocked};
    if (output_full_) status |= kOutputFull;
    if (output_full_ && output_auxiliary_ && !polled_) status |= kAuxFull;
    if (ram_[0] & kSystemFlag) status |= kStatusSystem;
    if (last_write_was_command_) status |= kCommandWritten;
    return status;
}

void I8042::write_command(u8 command) {
    last_write_was_command_ = true;
    awaiting_ = 0;
    polled_.reset();
    if (command >= kReadRam && command < kReadRam + 0x20) return reply(ram_[command & 0x1f]);
    if (command >= kWriteRam && command < kWriteRam + 0x20) {
        awaiting_ = command;
        return;
    }
    if (command >= kPulseOutput) {
        if (!(command & kNoReset)) wiring_.on_cpu_reset();
        return;
    }
    switch (command) {
        case kTestPassword:
            return reply(0xf1);  // none installed
        case kDisableAux:
            return write_config(ram_[0] | kAuxOff);
        case kEnableAux:
            return write_config(ram_[0] & ~kAuxOff);
        case kDisableKeyboard:
            return write_config(ram_[0] | kKeyboardOff);
        case kEnableKeyboard:
            return write_config(ram_[0] & ~kKeyboardOff);
        case kSelfTest:
            ram_[0] |= kSystemFlag;
            return reply(0x55);
        case kTestKeyboard:
        case kTestAux:
            return reply(0x00);
        case kReadInputPort:
            return reply(kInputPort);
        case kPollInputLow:
            polled_ = static_cast<u8>(kInputPort << 4);
            return;
        case kPollInputHigh:
            polled_ = kInputPort & 0xf0;
            return;
        case kReadTestInputs:
            return reply(0x00);
        case kReadOutputPort:
            return reply(output_port());
        case kDisableA20:
            return write_output_port(output_port_ & ~kA20);
        case kEnableA20:
            return write_output_port(output_port_ | kA20);
        case kWriteOutputPort:
        case kWriteKeyboardBuffer:
        case kWriteAuxBuffer:
        case kWriteAux:
            awaiting_ = command;
            return;
        default:
            log_.write(kLogGuestError, "i8042: unknown command {:#x}", command);
    }
}

u8 I8042::output_port() const {
    u8 value = output_port_ & kLatched;
    if (output_full_) value |= output_auxiliary_ ? kMouseFull : kKeyboardFull;
    return value;
}

void I8042::write_output_port(u8 value) {
    output_port_ = value & kLatched;
    wiring_.set_a20((value & kA20) != 0);
    if (!(value & kNoReset)) wiring_.on_cpu_reset();
}

// --- output buffer ---------------------------------------------------------------------------------------------------

void I8042::reply(u8 value, bool auxiliary) {
    reply_ = value;
    reply_auxiliary_ = auxiliary;
    reply_waiting_ = true;
    fill_output_buffer();
}

void I8042::fill_output_buffer() {
    // Fetching a device's last byte can make it queue the next ones and report them from inside.
    if (output_full_ || filling_) return;
    filling_ = true;
    fetch_next();
    filling_ = false;
}

void I8042::fetch_next() {
    if (reply_waiting_) {
        reply_waiting_ = false;
        return load(reply_, reply_auxiliary_);
    }
    if (!(ram_[0] & kKeyboardOff) && load_from_keyboard()) return;
    if (!(ram_[0] & kAuxOff) && mouse_.has_output()) load(mouse_.take_output(), true);
}

bool I8042::load_from_keyboard() {
    while (keyboard_.has_output()) {
        const u8 byte = keyboard_.take_output();
        const std::optional<u8> code = (ram_[0] & kTranslate) ? translator_.translate(byte) : byte;
        if (!code) continue;  // F0 only marks the next one
        load(*code, false);
        return true;
    }
    return false;
}

void I8042::load(u8 value, bool auxiliary) {
    output_buffer_ = value;
    output_auxiliary_ = auxiliary;
    output_full_ = true;
    update_irq();
}

void I8042::update_irq() {
    wiring_.keyboard_irq.set(output_full_ && !output_auxiliary_ && (ram_[0] & kKeyboardInt));
    wiring_.mouse_irq.set(output_full_ && output_auxiliary_ && (ram_[0] & kAuxInt));
}

}  // namespace twin86
