#include "devices/irq/lapic.h"

#include <bit>

#include "base/bits.h"

namespace twin86 {

int VectorSet::highest() const {
    for (int n = 7; n >= 0; --n)
        if (words_[n] != 0) return n * 32 + 31 - std::countl_zero(words_[n]);
    return -1;
}

Lapic::Lapic(const LapicConfig& config, TimerQueue& queue, const TscClock& tsc, ApicBus& bus,
             std::function<u8()> acknowledge_pic, Log& log)
    : config_(config),
      name_(fmt::format("lapic{}", config.apic_id)),
      bus_(bus),
      acknowledge_pic_(std::move(acknowledge_pic)),
      log_(log),
      timer_(
          queue, tsc, [this] { fire_lvt(kLvtTimer); }, [this] { return lvt_waits(kLvtTimer); }) {
    reset(ResetKind::kPowerOn);
}

void Lapic::reset(ResetKind) {
    const u64 before = apic_base_;
    apic_base_ = kDefaultBase | kEnable | (config_.bootstrap ? u64{kBsp} : 0);
    xapic_id_ = static_cast<u8>(config_.apic_id);
    lint_ = 0;
    reset_registers();
    if (before != apic_base_ && on_window_changed_) on_window_changed_();
}

/// Table 11-1's state after power-up, reset and INIT (the APIC ID and APIC_BASE survive INIT).
void Lapic::reset_registers() {
    tpr_ = 0;
    svr_ = 0xff;
    ldr_ = 0;
    dfr_ = ~u32{0};
    esr_ = esr_pending_ = 0;
    icr_ = 0;
    lvt_.fill(kLvtMasked);
    irr_.clear_all();
    isr_.clear_all();
    tmr_.clear_all();
    extint_message_ = false;
    timer_.reset();
    update();
}

void Lapic::set_virtual_wire() {
    write_svr(kSvrEnable | 0xff);
    write_lvt(kLvtLint0, static_cast<u32>(DeliveryMode::kExtInt) << 8);
    write_lvt(kLvtLint1, static_cast<u32>(DeliveryMode::kNmi) << 8);
    update();
}

void Lapic::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) {
        archive.fields(apic_base_, tpr_, xapic_id_, svr_, ldr_, dfr_, esr_, esr_pending_, icr_, lvt_, lint_,
                       extint_message_);
        irr_.visit(archive);
        isr_.visit(archive);
        tmr_.visit(archive);
        timer_.visit(archive);
    });
    if (!archive.loading()) return;
    if (on_window_changed_) on_window_changed_();
    update();
}

/// PPR (section 11.8.3.1): the higher class of TPR and the vector in service.
u8 Lapic::processor_priority() const {
    const int serving = isr_.highest();
    const unsigned serving_class = serving < 0 ? 0 : static_cast<unsigned>(serving) & 0xf0;
    return (tpr_ & 0xf0u) >= serving_class ? tpr_ : static_cast<u8>(serving_class);
}

/// The PIC's request passes the APIC when that is off (INTR pin), by LINT0 in ExtINT mode, or as a message.
bool Lapic::extint_pending() const {
    const bool lint0 = (lint_ & bit(kLint0)) != 0;
    if (!enabled()) return lint0;
    if (extint_message_) return true;
    const u32 lvt = lvt_[kLvtLint0];
    return lint0 && (lvt & kLvtMasked) == 0 && static_cast<DeliveryMode>(bits(lvt, 10, 8)) == DeliveryMode::kExtInt;
}

int Lapic::deliverable_vector() const {
    if (!takes_fixed()) return -1;
    const int vector = irr_.highest();
    return vector >= 0 && (vector & 0xf0) > (processor_priority() & 0xf0) ? vector : -1;
}

void Lapic::update() {
    const bool now = extint_pending() || deliverable_vector() >= 0;
    if (now == deliverable_.load(std::memory_order_relaxed)) return;
    deliverable_.store(now, std::memory_order_relaxed);
    if (pins_ != nullptr) pins_->interrupt_request_changed();
}

int Lapic::acknowledge() {
    if (extint_pending()) {
        extint_message_ = false;
        const int vector = acknowledge_pic_ ? acknowledge_pic_() : -1;  // the PIC updates LINT0 meanwhile
        update();
        return vector;
    }
    const int vector = deliverable_vector();
    if (vector < 0) return -1;
    irr_.clear(static_cast<u8>(vector));
    isr_.set(static_cast<u8>(vector));
    update();
    return vector;
}

void Lapic::write_tpr(u8 value) {
    tpr_ = value;
    update();
}

void Lapic::end_of_interrupt() {
    const int serving = isr_.highest();
    if (serving < 0) return;
    const u8 vector = static_cast<u8>(serving);
    isr_.clear(vector);
    if (tmr_.test(vector)) {
        if ((svr_ & kSvrSuppressEoiBroadcast) == 0) bus_.broadcast_eoi(vector);
        for (const unsigned pin : {unsigned{kLint0}, unsigned{kLint1}}) {
            u32& lvt = lvt_[kLvtLint0 + pin];
            if ((lvt & kLvtRemoteIrr) == 0 || static_cast<u8>(lvt) != vector) continue;
            lvt &= ~u32{kLvtRemoteIrr};
            service_lint(pin);
        }
    }
    update();
}

}  // namespace twin86
