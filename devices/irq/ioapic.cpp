#include "devices/irq/ioapic.h"

#include "base/bits.h"

namespace twin86 {

namespace {
enum Offset : u64 { kIoRegSel = 0x00, kIoWin = 0x10, kEoi = 0x40 };
enum Register : u8 { kId = 0, kVersion = 1, kArbitration = 2, kRedirectionTable = 0x10 };
constexpr u32 kVersionValue = 0x20 | (IoApic::kPins - 1) << 16;
constexpr u64 kWritable = 0xff00'0000'0001'afff;  // neither delivery status nor remote IRR

DeliveryMode mode_of(u64 entry) {
    return static_cast<DeliveryMode>(bits(entry, 10, 8));
}
u8 vector_of(u64 entry) {
    return static_cast<u8>(entry);
}
}  // namespace

void IoApic::reset(ResetKind) {
    select_ = id_ = 0;
    lines_ = 0;
    redirection_.fill(kMasked);
    if (on_changed_) on_changed_();
}

void IoApic::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) { archive.fields(select_, id_, lines_, redirection_); });
}

/// SMI, NMI, INIT and ExtINT are edge-triggered whatever the trigger bit says (290566, section 3.2.4).
bool IoApic::is_level(u64 entry) {
    const DeliveryMode mode = mode_of(entry);
    return (entry & kLevel) != 0 && (mode == DeliveryMode::kFixed || mode == DeliveryMode::kLowestPriority);
}

ApicMessage IoApic::message_of(u64 entry) {
    ApicMessage message;
    message.destination = static_cast<u32>(entry >> 56);
    message.logical = (entry & kLogical) != 0;
    message.mode = mode_of(entry);
    message.vector = vector_of(entry);
    message.level_triggered = is_level(entry);
    return message;
}

bool IoApic::edge_waits(unsigned pin) const {
    if (pin >= kPins || (redirection_[pin] & kMasked) != 0 || is_level(redirection_[pin])) return false;
    return bus_.waits(message_of(redirection_[pin]));
}

bool IoApic::send(unsigned pin) {
    const ApicMessage message = message_of(redirection_[pin]);
    if (message.mode == DeliveryMode::kReserved || message.mode == DeliveryMode::kStartup) {
        log_.write(kLogGuestError, "ioapic: pin {} has reserved delivery mode {}", pin,
                   static_cast<unsigned>(message.mode));
        return false;
    }
    return bus_.deliver(message);
}

void IoApic::service_level(unsigned pin) {
    u64& entry = redirection_[pin];
    if (!is_level(entry) || (entry & (kMasked | kRemoteIrr)) != 0 || (lines_ & bit(pin)) == 0) return;
    // Set before sending: a local APIC may answer with the EOI at once.
    entry |= kRemoteIrr;
    if (!send(pin)) entry &= ~u64{kRemoteIrr};
}

void IoApic::set_level(unsigned pin, bool level) {
    if (pin >= kPins) return;
    const bool was = (lines_ & bit(pin)) != 0;
    lines_ = static_cast<u32>(level ? lines_ | bit(pin) : lines_ & ~bit(pin));
    if (!level) return;
    if (is_level(redirection_[pin])) {
        service_level(pin);
    } else if (!was && (redirection_[pin] & kMasked) == 0) {  // edges on a masked pin are lost
        send(pin);
    }
}

void IoApic::eoi(u8 vector) {
    for (unsigned pin = 0; pin < kPins; ++pin) {
        u64& entry = redirection_[pin];
        if ((entry & kRemoteIrr) == 0 || vector_of(entry) != vector) continue;
        entry &= ~u64{kRemoteIrr};
        service_level(pin);
    }
}

u32 IoApic::read_register() const {
    switch (select_) {
        case kId:
        case kArbitration:
            return u32{id_} << 24;
        case kVersion:
            return kVersionValue;
        default:
            break;
    }
    const unsigned index = select_ - unsigned{kRedirectionTable};
    if (select_ < kRedirectionTable || index / 2 >= kPins) return 0;
    return static_cast<u32>(redirection_[index / 2] >> ((index & 1) * 32));
}

void IoApic::write_register(u32 value) {
    if (select_ == kId) {
        id_ = static_cast<u8>(bits(value, 27, 24));
        return;
    }
    const unsigned index = select_ - unsigned{kRedirectionTable};
    if (select_ >= kRedirectionTable && index / 2 < kPins) return write_redirection(index / 2, (index & 1) != 0, value);
    log_.write(kLogGuestError, "ioapic: write of {:#x} to register {:#x}", value, select_);
}

void IoApic::write_redirection(unsigned pin, bool high, u32 value) {
    u64& entry = redirection_[pin];
    const u64 half = high ? 0xffff'ffff'0000'0000 : 0xffff'ffff;
    const u64 mask = kWritable & half;
    entry = (entry & ~mask) | ((high ? u64{value} << 32 : value) & mask);
    if (!is_level(entry)) entry &= ~u64{kRemoteIrr};  // the known way to acknowledge without an EOI register
    if (on_changed_) on_changed_();
    service_level(pin);
}

u64 IoApic::mmio_read(u64 offset, unsigned size) {
    switch (offset & ~u64{3}) {
        case kIoRegSel:
            return truncate(u64{select_} >> (offset & 3) * 8, size);
        case kIoWin:
            return truncate(u64{read_register()} >> (offset & 3) * 8, size);
        default:
            return 0;
    }
}

void IoApic::mmio_write(u64 offset, unsigned, u64 value) {
    switch (offset) {
        case kIoRegSel:
            select_ = static_cast<u8>(value);
            return;
        case kIoWin:
            return write_register(static_cast<u32>(value));
        case kEoi:
            return eoi(static_cast<u8>(value));
        default:
            log_.write(kLogGuestError, "ioapic: write of {:#x} at offset {:#x}", value, offset);
    }
}

}  // namespace twin86
