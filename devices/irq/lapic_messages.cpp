// The bus side of the local APIC: addressing, accepting messages, LINT pins, sending IPIs (SDM vol. 3, 11.6 and 11.8).
#include "base/bits.h"
#include "devices/irq/lapic.h"

namespace twin86 {

namespace {
enum Shorthand : unsigned { kNoShorthand = 0, kSelf = 1, kAllIncludingSelf = 2, kAllExcludingSelf = 3 };
constexpr u32 kFlatModel = 0xf;
}  // namespace

u32 Lapic::logical_id() const {
    if (!x2apic_mode()) return ldr_;
    return (config_.apic_id >> 4) << 16 | 1u << (config_.apic_id & 15);
}

bool Lapic::matches_logical(u32 mda) const {
    const u32 own = logical_id();
    if (x2apic_mode()) return own >> 16 == mda >> 16 && (own & mda & 0xffff) != 0;
    if (mda > 0xff) return false;
    const u32 id = own >> 24;
    if (dfr_ >> 28 == kFlatModel) return (id & mda) != 0;
    return id >> 4 == mda >> 4 && (id & mda & 0xf) != 0;
}

bool Lapic::matches(const ApicMessage& message) const {
    if (message.excluded_apic_id == config_.apic_id) return false;
    const u32 everybody = message.wide_destination ? ~u32{0} : 0xff;
    if (message.destination == everybody) return true;
    if (message.logical) return matches_logical(message.destination);
    return message.destination == (x2apic_mode() ? config_.apic_id : xapic_id_);
}

bool Lapic::accept(const ApicMessage& message) {
    switch (message.mode) {
        case DeliveryMode::kFixed:
        case DeliveryMode::kLowestPriority:
            return accept_fixed(message.vector, message.level_triggered);
        case DeliveryMode::kExtInt:
            if (!takes_fixed()) return false;
            extint_message_ = true;
            update();
            return true;
        case DeliveryMode::kInit:
            if (!message.assert_level) return true;
            reset_registers();
            if (pins_ != nullptr) pins_->init();
            return true;
        case DeliveryMode::kNmi:
            if (pins_ != nullptr) pins_->nmi();
            return true;
        case DeliveryMode::kSmi:
            if (pins_ != nullptr) pins_->smi();
            return true;
        case DeliveryMode::kStartup:
            if (pins_ != nullptr) pins_->sipi(message.vector);
            return true;
        case DeliveryMode::kReserved:
            break;
    }
    return false;
}

bool Lapic::waits(const ApicMessage& message) const {
    switch (message.mode) {
        case DeliveryMode::kFixed:
        case DeliveryMode::kLowestPriority:
            return takes_fixed() && irr_.test(message.vector);
        case DeliveryMode::kExtInt:
            return extint_message_;
        default:
            return false;
    }
}

bool Lapic::accept_fixed(u8 vector, bool level_triggered) {
    if (!takes_fixed()) return false;
    if (vector < 16) {
        raise_error(kReceiveIllegalVector);
        return false;
    }
    irr_.set(vector);
    level_triggered ? tmr_.set(vector) : tmr_.clear(vector);
    update();
    return true;
}

/// The error interrupt comes with the first occurrence of a bit only, so an illegal vector in LVT error cannot recurse.
void Lapic::raise_error(u32 esr_bit) {
    if ((esr_pending_ & esr_bit) != 0) return;
    esr_pending_ |= esr_bit;
    fire_lvt(kLvtError);
}

void Lapic::fire_lvt(Lvt entry) {
    if ((lvt_[entry] & kLvtMasked) == 0) accept_fixed(static_cast<u8>(lvt_[entry]), false);
}

bool Lapic::lvt_waits(Lvt entry) const {
    return (lvt_[entry] & kLvtMasked) == 0 && takes_fixed() && irr_.test(static_cast<u8>(lvt_[entry]));
}

void Lapic::set_level(unsigned pin, bool level) {
    if (pin > kLint1) return;
    const u8 mask = static_cast<u8>(bit(pin));
    const bool rising = level && (lint_ & mask) == 0;
    lint_ = level ? lint_ | mask : lint_ & ~mask;
    const u32 lvt = lvt_[kLvtLint0 + pin];
    if (!enabled()) {
        if (pin == kLint1 && rising && pins_ != nullptr) pins_->nmi();  // the pins are INTR and NMI then
    } else if ((lvt & kLvtMasked) == 0) {
        const auto mode = static_cast<DeliveryMode>(bits(lvt, 10, 8));
        if (mode == DeliveryMode::kFixed && (lvt & kLvtLevel) != 0 && pin == kLint0) {
            service_lint(pin);
        } else if (rising && mode != DeliveryMode::kExtInt) {
            accept({.mode = mode, .vector = static_cast<u8>(lvt)});
        }
    }
    update();
}

/// LINT0 in fixed level-triggered mode: remote IRR holds further requests back until the EOI.
void Lapic::service_lint(unsigned pin) {
    u32& lvt = lvt_[kLvtLint0 + pin];
    const bool level_mode =
        (lvt & kLvtLevel) != 0 && static_cast<DeliveryMode>(bits(lvt, 10, 8)) == DeliveryMode::kFixed;
    if (!level_mode || pin != kLint0 || (lvt & (kLvtMasked | kLvtRemoteIrr)) != 0 || (lint_ & bit(pin)) == 0) return;
    if (accept_fixed(static_cast<u8>(lvt), true)) lvt |= kLvtRemoteIrr;
}

void Lapic::send_ipi(u64 icr) {
    ApicMessage message;
    message.mode = static_cast<DeliveryMode>(bits(icr, 10, 8));
    message.vector = static_cast<u8>(icr);
    message.logical = (icr & bit(11)) != 0;
    message.assert_level = (icr & bit(14)) != 0 || (icr & bit(15)) == 0;
    message.wide_destination = x2apic_mode();
    message.destination = static_cast<u32>(x2apic_mode() ? icr >> 32 : icr >> 56);
    const bool fixed = message.mode == DeliveryMode::kFixed || message.mode == DeliveryMode::kLowestPriority;
    if (fixed && message.vector < 16) return raise_error(kSendIllegalVector);
    if (message.mode == DeliveryMode::kReserved || message.mode == DeliveryMode::kExtInt) {
        log_.write(kLogGuestError, "{}: ICR {:#x} has a reserved delivery mode", name_, icr);
        return;
    }
    send_to(message, static_cast<unsigned>(bits(icr, 19, 18)));
}

void Lapic::send_to(const ApicMessage& message, unsigned shorthand) {
    ApicMessage m = message;
    const bool fixed = m.mode == DeliveryMode::kFixed;
    switch (shorthand) {
        case kNoShorthand:
            bus_.deliver(m);
            return;
        case kAllExcludingSelf:
            m.excluded_apic_id = config_.apic_id;
            break;
        case kSelf:
        case kAllIncludingSelf:
            // Table 11-3: only fixed interrupts may address the sender by shorthand.
            if (!fixed && m.mode != DeliveryMode::kNmi) {
                log_.write(kLogGuestError, "{}: IPI mode {} to self", name_, static_cast<unsigned>(m.mode));
                return;
            }
            if (shorthand == kSelf) {
                accept(m);
                return;
            }
            break;
    }
    m.logical = false;
    m.destination = m.wide_destination ? ~u32{0} : 0xff;
    bus_.deliver(m);
}

}  // namespace twin86
