#include "devices/serial/uart_16550a.h"

#include <algorithm>

namespace twin86 {
namespace {

enum Register : u16 { kData = 0, kIer = 1, kIirFcr = 2, kLcr = 3, kMcr = 4, kLsr = 5, kMsr = 6, kScr = 7 };

enum InterruptEnable : u8 { kErbfi = 0x01, kEtbei = 0x02, kElsi = 0x04, kEdssi = 0x08, kIerMask = 0x0f };
enum InterruptId : u8 {
    kIirModem = 0x00,
    kIirNone = 0x01,
    kIirThre = 0x02,
    kIirData = 0x04,
    kIirLine = 0x06,
    kIirTimeout = 0x0c
};
enum FifoControl : u8 { kFifoEnable = 0x01, kClearReceiver = 0x02, kFcrKept = 0xc9 };
enum LineControl : u8 { kWordLength = 0x03, kStopBits = 0x04, kParity = 0x08, kSetBreak = 0x40, kDlab = 0x80 };
enum ModemControl : u8 { kDtr = 0x01, kRts = 0x02, kOut1 = 0x04, kOut2 = 0x08, kLoop = 0x10, kMcrMask = 0x1f };
enum LineStatus : u8 {
    kDataReady = 0x01,
    kOverrun = 0x02,
    kBreak = 0x10,
    kErrors = 0x1e,
    kThre = 0x20,
    kTemt = 0x40,
    kFifoError = 0x80
};
enum ModemStatus : u8 { kDeltas = 0x0f, kTeri = 0x04, kCts = 0x10, kDsr = 0x20, kRi = 0x40, kDcd = 0x80 };

constexpr u8 kConnected = kCts | kDsr | kDcd;
constexpr u64 kClockHz = 1'843'200;
constexpr u16 kPowerOnDivisor = 12;  // 9600 baud; the data sheet leaves it undefined

}  // namespace

Uart16550a::Uart16550a(std::string name, IrqLine irq, TimerQueue& timers, CharBackend& backend, Log& log)
    : name_(std::move(name)), irq_(irq), timers_(timers), backend_(backend), log_(log), timeout_(timers, [this] {
          timeout_pending_ = fifo_count_ != 0;
          update_irq();
      }) {
    modem_inputs_ = kConnected;
    reset(ResetKind::kPowerOn);
    backend_.set_receiver(this);
}

Uart16550a::~Uart16550a() {
    backend_.set_receiver(nullptr);
}

void Uart16550a::reset(ResetKind kind) {
    interrupt_enable_ = 0;
    fifo_control_ = 0;
    line_control_ = 0;
    modem_control_ = 0;
    line_status_ = 0;
    modem_status_ = modem_inputs_;
    thre_pending_ = false;
    // Table II: the scratch register and the divisor latch are not affected by a master reset.
    if (kind == ResetKind::kPowerOn) {
        scratch_ = 0;
        divisor_latch_ = kPowerOnDivisor;
    }
    clear_receiver();
    update_irq();
    backend_.receiver_ready();
}

void Uart16550a::visit(StateArchive& archive) {
    archive.section(name_, 1, [&](u32) {
        archive.fields(interrupt_enable_, fifo_control_, line_control_, modem_control_, line_status_, modem_status_,
                       scratch_, divisor_latch_, modem_inputs_, fifo_data_, fifo_flags_, fifo_head_, fifo_count_,
                       thre_pending_, timeout_pending_);
        timeout_.visit(archive);
        if (!archive.loading()) return;
        if (fifo_head_ >= kFifoSize || fifo_count_ > capacity()) {
            clear_receiver();
            return archive.fail("the UART's receive FIFO is inconsistent");
        }
        irq_level_ = pending_interrupt() != kIirNone;
        irq_.set(irq_level_);
    });
}

// --- guest side ------------------------------------------------------------------------------------------------------

u32 Uart16550a::io_read(u16 offset, unsigned) {
    return read_register(offset & 7);
}

u8 Uart16550a::read_register(u16 offset) {
    const bool dlab = (line_control_ & kDlab) != 0;
    switch (offset) {
        case kData:
            return dlab ? static_cast<u8>(divisor_latch_) : read_receiver_buffer();
        case kIer:
            return dlab ? static_cast<u8>(divisor_latch_ >> 8) : interrupt_enable_;
        case kIirFcr:
            return read_interrupt_identification();
        case kLcr:
            return line_control_;
        case kMcr:
            return modem_control_;
        case kLsr:
            return read_line_status();
        case kMsr:
            return read_modem_status();
        default:
            return scratch_;
    }
}

void Uart16550a::io_write(u16 offset, unsigned, u32 wide) {
    const u8 value = static_cast<u8>(wide);
    const bool dlab = (line_control_ & kDlab) != 0;
    switch (offset & 7) {
        case kData:
            if (!dlab) return write_transmitter(value);
            divisor_latch_ = static_cast<u16>((divisor_latch_ & 0xff00) | value);
            return;
        case kIer:
            if (!dlab) return write_interrupt_enable(value);
            divisor_latch_ = static_cast<u16>((divisor_latch_ & 0x00ff) | (value << 8));
            return;
        case kIirFcr:
            return write_fifo_control(value);
        case kLcr:
            return write_line_control(value);
        case kMcr:
            return write_modem_control(value);
        case kScr:
            scratch_ = value;
            return;
        default:  // LSR is for factory tests, MSR is read-only here
            log_.write(kLogGuestError, "{}: write of {:#x} to read-only register {}", name_, value, offset & 7);
    }
}

u8 Uart16550a::read_receiver_buffer() {
    if (fifo_count_ == 0) return fifo_data_[fifo_head_];  // the last byte stays in the buffer
    const u8 value = fifo_data_[fifo_head_];
    timeout_pending_ = false;
    if (--fifo_count_ != 0) fifo_head_ = (fifo_head_ + 1) % kFifoSize;
    expose_top();
    restart_timeout();
    update_irq();
    // Last, because a back-end with bytes at hand may call receive() from here.
    if (fifo_count_ == 0) backend_.receiver_ready();
    return value;
}

u8 Uart16550a::read_interrupt_identification() {
    const u8 id = pending_interrupt();
    if (id == kIirThre) {
        thre_pending_ = false;
        update_irq();
    }
    return id | (fifo_enabled() ? 0xc0 : 0);
}

u8 Uart16550a::read_line_status() {
    u8 status = line_status_ | kThre | kTemt;
    if (fifo_count_ != 0) status |= kDataReady;
    for (unsigned i = 0; i < fifo_count_ && fifo_enabled(); ++i) {
        if (fifo_flags_[(fifo_head_ + i) % kFifoSize] != 0) status |= kFifoError;
    }
    line_status_ = 0;
    if (fifo_count_ != 0) fifo_flags_[fifo_head_] = 0;
    update_irq();
    return status;
}

u8 Uart16550a::read_modem_status() {
    const u8 status = modem_status_;
    modem_status_ &= ~kDeltas;
    update_irq();
    return status;
}

void Uart16550a::write_transmitter(u8 value) {
    // The interrupt drops while the holding register is full and returns when the byte has left: edge-triggered
    // controllers see a new edge for each byte, as on the real chip.
    thre_pending_ = false;
    update_irq();
    if (loopback()) {
        push(value, 0);
    } else {
        backend_.write({&value, 1});
    }
    thre_pending_ = true;
    update_irq();
}

void Uart16550a::write_interrupt_enable(u8 value) {
    const u8 rising = value & ~interrupt_enable_;
    interrupt_enable_ = value & kIerMask;
    // Enabling ETBEI with an empty holding register raises THRE; Linux' "THRE bug" test relies on it.
    if (rising & kEtbei) thre_pending_ = true;
    update_irq();
}

void Uart16550a::write_fifo_control(u8 value) {
    const bool toggled = ((value ^ fifo_control_) & kFifoEnable) != 0;
    fifo_control_ = (value & kFifoEnable) ? (value & kFcrKept) : 0;
    // Other bits are not programmed unless bit 0 is 1; a change of bit 0 clears both FIFOs (8.4).
    if (toggled || ((value & kFifoEnable) && (value & kClearReceiver))) {
        clear_receiver();
        update_irq();
        backend_.receiver_ready();
        return;
    }
    restart_timeout();
    update_irq();
}

void Uart16550a::write_line_control(u8 value) {
    const bool break_begins = (value & ~line_control_ & kSetBreak) != 0;
    line_control_ = value;
    if (break_begins && loopback()) push(0, kBreak);
}

void Uart16550a::write_modem_control(u8 value) {
    const bool was_loopback = loopback();
    modem_control_ = value & kMcrMask;
    update_modem_status();
    update_irq();
    if (was_loopback && !loopback()) backend_.receiver_ready();
}

// --- line side -------------------------------------------------------------------------------------------------------

std::size_t Uart16550a::receive_room() const {
    return loopback() ? 0 : capacity() - fifo_count_;
}

void Uart16550a::receive(std::span<const u8> bytes) {
    for (const u8 byte : bytes) push(byte, 0);
}

void Uart16550a::receive_break() {
    if (!loopback()) push(0, kBreak);
}

void Uart16550a::set_modem_inputs(u8 msr_high_nibble) {
    modem_inputs_ = msr_high_nibble & 0xf0;
    update_modem_status();
    update_irq();
}

void Uart16550a::push(u8 byte, u8 line_flags) {
    if (fifo_count_ == capacity()) {
        // 8.3: without FIFO the old byte is destroyed; with FIFO the new one is.
        line_status_ |= kOverrun;
        if (!fifo_enabled()) fifo_data_[fifo_head_] = byte;
        return update_irq();
    }
    if (fifo_count_ == 0) fifo_head_ = 0;
    const unsigned at = (fifo_head_ + fifo_count_) % kFifoSize;
    fifo_data_[at] = byte;
    fifo_flags_[at] = line_flags;
    if (++fifo_count_ == 1) expose_top();
    timeout_pending_ = false;
    restart_timeout();
    update_irq();
}

/// Errors are revealed when their byte is at the top of the FIFO.
void Uart16550a::expose_top() {
    if (fifo_count_ != 0) line_status_ |= fifo_flags_[fifo_head_];
}

void Uart16550a::clear_receiver() {
    fifo_data_.fill(0);
    fifo_flags_.fill(0);
    fifo_head_ = fifo_count_ = 0;
    timeout_pending_ = false;
    timeout_.cancel();
}

bool Uart16550a::fifo_enabled() const {
    return (fifo_control_ & kFifoEnable) != 0;
}
bool Uart16550a::loopback() const {
    return (modem_control_ & kLoop) != 0;
}

unsigned Uart16550a::trigger_level() const {
    static constexpr std::array<u8, 4> kLevels{1, 4, 8, 14};
    return fifo_enabled() ? kLevels[fifo_control_ >> 6] : 1;
}

u64 Uart16550a::character_time_ns() const {
    const unsigned half_bits = 2 * (1 + 5 + (line_control_ & kWordLength) + ((line_control_ & kParity) ? 1 : 0)) +
                               ((line_control_ & kStopBits) ? 4 : 2);
    const u64 divisor = std::max<u64>(divisor_latch_, 1);
    return divisor * 16 * 1'000'000'000 / kClockHz * half_bits / 2;
}

/// FIFO timeout: no byte in or out for four character times while the FIFO holds at least one.
void Uart16550a::restart_timeout() {
    if (fifo_count_ == 0 || !fifo_enabled()) return timeout_.cancel();
    if (fifo_count_ >= trigger_level()) return timeout_.cancel();
    timeout_.arm(timers_.now_ns() + 4 * character_time_ns());
}

void Uart16550a::update_modem_status() {
    u8 inputs = modem_inputs_;
    if (loopback()) {
        inputs = ((modem_control_ & kRts) ? kCts : 0) | ((modem_control_ & kDtr) ? kDsr : 0) |
                 ((modem_control_ & kOut1) ? kRi : 0) | ((modem_control_ & kOut2) ? kDcd : 0);
    }
    const u8 old = modem_status_ & 0xf0;
    u8 deltas = static_cast<u8>((old ^ inputs) >> 4);
    if (!(old & kRi) || (inputs & kRi)) deltas &= ~kTeri;  // RI reports its trailing edge only
    modem_status_ = inputs | (modem_status_ & kDeltas) | deltas;
}

u8 Uart16550a::pending_interrupt() const {
    if ((interrupt_enable_ & kElsi) && (line_status_ & kErrors)) return kIirLine;
    if ((interrupt_enable_ & kErbfi) && fifo_count_ >= trigger_level()) return kIirData;
    if ((interrupt_enable_ & kErbfi) && timeout_pending_) return kIirTimeout;
    if ((interrupt_enable_ & kEtbei) && thre_pending_) return kIirThre;
    if ((interrupt_enable_ & kEdssi) && (modem_status_ & kDeltas)) return kIirModem;
    return kIirNone;
}

void Uart16550a::update_irq() {
    const bool level = pending_interrupt() != kIirNone;
    if (level == irq_level_) return;
    irq_level_ = level;
    irq_.set(level);
}

}  // namespace twin86
