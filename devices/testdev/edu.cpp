#include "devices/testdev/edu.h"

#include <algorithm>

namespace twin86 {
namespace {

constexpr PciIdentity kIdentity{0x1234, 0x11e8, 0x00ff00, 0x10, 0x1af4, 0x1100, 1};
constexpr u32 kVersion = 0x010000ed;

/// Modulo 2^32, as the register is.
u32 factorial(u32 n) {
    constexpr u32 kZeroFrom = 34;  // 34! has 32 factors of two
    u32 product = 1;
    for (u32 i = 2; i <= std::min(n, kZeroFrom); ++i) product *= i;
    return product;
}

}  // namespace

Edu::Edu(TimerQueue& timers, DmaView& memory)
    : PciDevice(kIdentity),
      timers_(timers),
      memory_(memory),
      factorial_timer_(timers, [this] { factorial_done(); }),
      dma_timer_(timers, [this] { dma_done(); }) {
    add_memory_bar(0, kWindowBytes, *this);
    add_msi(MsiAddress::k64Bits);
}

void Edu::reset(ResetKind kind) {
    factorial_timer_.cancel();
    dma_timer_.cancel();
    liveness_ = factorial_ = status_ = interrupts_ = 0;
    dma_source_ = dma_destination_ = dma_count_ = dma_command_ = 0;
    buffer_.fill(0);
    PciDevice::reset(kind);
}

void Edu::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) {
        visit_config(archive);
        archive.fields(liveness_, factorial_, status_, interrupts_, dma_source_, dma_destination_, dma_count_, dma_command_);
        archive.raw(buffer_.data(), buffer_.size());
        factorial_timer_.visit(archive);
        dma_timer_.visit(archive);
    });
}

/// Registers below 0x80 take dwords, those above dwords and quadwords.
u64 Edu::mmio_read(u64 offset, unsigned size) {
    if (size != 4 && (size != 8 || offset < 0x80)) return ~u64{0};
    switch (offset) {
        case 0x00:
            return kVersion;
        case 0x04:
            return liveness_;
        case 0x08:
            return factorial_;
        case 0x20:
            return status_;
        case 0x24:
            return interrupts_;
        case 0x80:
            return dma_source_;
        case 0x88:
            return dma_destination_;
        case 0x90:
            return dma_count_;
        case 0x98:
            return dma_command_;
        default:
            return ~u64{0};
    }
}

void Edu::mmio_write(u64 offset, unsigned size, u64 value) {
    if (offset < 0x80) {
        if (size == 4) write_register(offset, static_cast<u32>(value));
    } else if (size == 4 || size == 8) {
        write_dma_register(offset, value);
    }
}

void Edu::write_register(u64 offset, u32 value) {
    switch (offset) {
        case 0x04:
            liveness_ = ~value;
            return;
        case 0x08:
            if ((status_ & kComputing) != 0) return;
            factorial_ = value;
            status_ |= kComputing;
            return factorial_timer_.arm(timers_.now_ns() + kFactorialNs);
        case 0x20:
            status_ = (status_ & ~u32{kInterruptWhenDone}) | (value & kInterruptWhenDone);
            return;
        case 0x60:
            return raise(value);
        case 0x64:
            interrupts_ &= ~value;
            return set_interrupt(interrupts_ != 0);
        default:
            return;
    }
}

/// While a transfer runs its registers do not change.
void Edu::write_dma_register(u64 offset, u64 value) {
    if ((dma_command_ & kRun) != 0) return;
    switch (offset) {
        case 0x80:
            dma_source_ = value;
            return;
        case 0x88:
            dma_destination_ = value;
            return;
        case 0x90:
            dma_count_ = value;
            return;
        case 0x98:
            dma_command_ = value & (kRun | kToMemory | kDmaInterrupt);
            if ((dma_command_ & kRun) != 0) dma_timer_.arm(timers_.now_ns() + kDmaNs);
            return;
        default:
            return;
    }
}

void Edu::raise(u32 bits) {
    interrupts_ |= bits;
    set_interrupt(interrupts_ != 0);
}

void Edu::factorial_done() {
    factorial_ = factorial(factorial_);
    status_ &= ~u32{kComputing};
    if ((status_ & kInterruptWhenDone) != 0) raise(kFactorialDone);
}

/// One side is in the device's buffer, the other in memory. What does not fit into the buffer is not transferred.
bool Edu::dma_transfer() {
    const bool to_memory = (dma_command_ & kToMemory) != 0;
    const u64 inside = (to_memory ? dma_source_ : dma_destination_) - kBuffer;
    const Gpa outside = (to_memory ? dma_destination_ : dma_source_) & kDmaMask;
    if (!bus_master() || inside > kBufferBytes || dma_count_ > kBufferBytes - inside) return false;
    const std::span<u8> bytes(buffer_.data() + inside, dma_count_);
    return to_memory ? memory_.dma_write(outside, bytes) : memory_.dma_read(outside, bytes);
}

void Edu::dma_done() {
    dma_transfer();
    dma_command_ &= ~u64{kRun};
    if ((dma_command_ & kDmaInterrupt) != 0) raise(kDmaDone);
}

}  // namespace twin86
