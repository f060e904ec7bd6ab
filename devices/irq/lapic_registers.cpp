// What the guest sees of the local APIC: MMIO page, x2APIC MSRs and APIC_BASE (SDM vol. 3, tables 11-1 and 11-6).
#include "base/bits.h"
#include "devices/irq/lapic.h"

namespace twin86 {

namespace {
/// Register numbers: MMIO offset / 16, and MSR - 0x800.
enum Register : unsigned {
    kId = 0x02,
    kVersion = 0x03,
    kTpr = 0x08,
    kApr = 0x09,
    kPpr = 0x0a,
    kEoi = 0x0b,
    kLdr = 0x0d,
    kDfr = 0x0e,
    kSvr = 0x0f,
    kIsr = 0x10,
    kTmr = 0x18,
    kIrr = 0x20,
    kEsr = 0x28,
    kIcrLow = 0x30,
    kIcrHigh = 0x31,
    kLvtFirst = 0x32,
    kLvtLast = 0x37,
    kInitialCount = 0x38,
    kCurrentCount = 0x39,
    kDivide = 0x3e,
    kSelfIpi = 0x3f,
};
constexpr u32 kIcrWritable = 0x000c'cfff;
}  // namespace

u32 Lapic::version() const {
    constexpr u32 kIntegrated = 0x14;
    return kIntegrated | (kLvtCount - 1) << 16 | (config_.eoi_broadcast_suppression ? 1u << 24 : 0);
}

int Lapic::lvt_of(unsigned index) {
    return index >= kLvtFirst && index <= kLvtLast ? static_cast<int>(index - kLvtFirst) : -1;
}

u32 Lapic::lvt_writable(Lvt entry) const {
    constexpr u32 kVectorAndMask = kLvtMasked | 0xff, kDeliveryMode = 7 << 8, kPolarity = 1 << 13;
    switch (entry) {
        case kLvtTimer:
            return kVectorAndMask | (config_.tsc_deadline ? 3u << 17 : 1u << 17);
        case kLvtThermal:
        case kLvtPerformance:
            return kVectorAndMask | kDeliveryMode;
        case kLvtLint0:
        case kLvtLint1:
            return kVectorAndMask | kDeliveryMode | kPolarity | kLvtLevel;
        case kLvtError:
        case kLvtCount:
            break;
    }
    return kVectorAndMask;
}

void Lapic::write_lvt(Lvt entry, u32 value) {
    const u32 writable = lvt_writable(entry);
    u32 next = (lvt_[entry] & kLvtRemoteIrr) | (value & writable);
    if ((svr_ & kSvrEnable) == 0) next |= kLvtMasked;
    if ((next & kLvtLevel) == 0) next &= ~u32{kLvtRemoteIrr};
    lvt_[entry] = next;
    if (entry == kLvtTimer) timer_.set_mode(static_cast<LapicTimer::Mode>(bits(next, 18, 17)));
    if (entry == kLvtLint0) service_lint(kLint0);
    update();
}

void Lapic::write_svr(u32 value) {
    const u32 suppress = config_.eoi_broadcast_suppression ? u32{kSvrSuppressEoiBroadcast} : 0;
    svr_ = value & (0xff | kSvrEnable | suppress);
    if ((svr_ & kSvrEnable) == 0)
        for (u32& lvt : lvt_) lvt |= kLvtMasked;
    update();
}

bool Lapic::read_register(unsigned index, u32& value) {
    value = 0;
    if (const int entry = lvt_of(index); entry >= 0) return value = lvt_[static_cast<unsigned>(entry)], true;
    if (index >= kIsr && index < kIsr + 8) return value = isr_.word(index - kIsr), true;
    if (index >= kTmr && index < kTmr + 8) return value = tmr_.word(index - kTmr), true;
    if (index >= kIrr && index < kIrr + 8) return value = irr_.word(index - kIrr), true;
    switch (index) {
        case kId:
            return value = x2apic_mode() ? config_.apic_id : u32{xapic_id_} << 24, true;
        case kVersion:
            return value = version(), true;
        case kTpr:
            return value = tpr_, true;
        case kApr:
        case kPpr:
            return value = processor_priority(), true;
        case kLdr:
            return value = logical_id(), true;
        case kDfr:
            return value = dfr_, true;
        case kSvr:
            return value = svr_, true;
        case kEsr:
            return value = esr_, true;
        case kIcrLow:
            return value = static_cast<u32>(icr_), true;
        case kIcrHigh:
            return value = static_cast<u32>(icr_ >> 32), true;
        case kInitialCount:
            return value = timer_.initial_count(), true;
        case kCurrentCount:
            return value = timer_.current_count(), true;
        case kDivide:
            return value = timer_.divide_configuration(), true;
        case kEoi:
            return true;  // write-only: reads as zero
        default:
            return false;
    }
}

/// A write that both interfaces share; false for a register that does not exist or cannot be written.
bool Lapic::write_register(unsigned index, u32 value) {
    if (const int entry = lvt_of(index); entry >= 0) return write_lvt(static_cast<Lvt>(entry), value), true;
    switch (index) {
        case kTpr:
            return write_tpr(static_cast<u8>(value)), true;
        case kEoi:
            return end_of_interrupt(), true;
        case kSvr:
            return write_svr(value), true;
        case kEsr:
            esr_ = esr_pending_;
            esr_pending_ = 0;
            return true;
        case kInitialCount:
            return timer_.write_initial_count(value), true;
        case kDivide:
            return timer_.write_divide_configuration(value), true;
        default:
            return false;
    }
}

u64 Lapic::mmio_read(u64 offset, unsigned size) {
    if (!mmio_visible()) return ~u64{0};
    const unsigned in_register = offset & 15;
    u32 value = 0;
    if (in_register + size > 4 && size != 8) return 0;  // undefined (11.4.1); the other three words read as zero
    if (!read_register(static_cast<unsigned>(bits(offset, 11, 4)), value)) {
        raise_error(kIllegalRegister);
        return 0;
    }
    return in_register < 4 ? truncate(u64{value} >> in_register * 8, size) : 0;
}

void Lapic::mmio_write(u64 offset, unsigned size, u64 value) {
    if (!mmio_visible()) return;
    const unsigned index = static_cast<unsigned>(bits(offset, 11, 4));
    if ((offset & 15) != 0 || size < 4) {
        log_.write(kLogGuestError, "{}: {}-byte write at offset {:#x}", name_, size, offset);
        return;
    }
    const u32 v = static_cast<u32>(value);
    switch (index) {
        case kId:
            xapic_id_ = static_cast<u8>(v >> 24);
            return;
        case kLdr:
            ldr_ = v & 0xff00'0000;
            return;
        case kDfr:
            dfr_ = v | 0x0fff'ffff;
            return;
        case kIcrHigh:
            icr_ = (icr_ & 0xffff'ffff) | u64{v & 0xff00'0000} << 32;
            return;
        case kIcrLow:
            icr_ = (icr_ & ~u64{0xffff'ffff}) | (v & kIcrWritable);
            return send_ipi(icr_);
        default:
            break;
    }
    u32 ignored;
    if (write_register(index, v) || read_register(index, ignored)) return;  // writes to read-only registers are dropped
    raise_error(kIllegalRegister);
}

bool Lapic::read_msr(u32 index, u64& value) {
    if (!x2apic_mode() || index < kMsrX2ApicFirst || index > kMsrX2ApicLast) return false;
    const unsigned reg = index - kMsrX2ApicFirst;
    if (reg == kIcrLow) return value = icr_, true;
    if (reg == kIcrHigh || reg == kDfr || reg == kApr || reg == kEoi) return false;
    u32 low = 0;
    if (!read_register(reg, low)) return false;
    value = low;
    return true;
}

/// Reserved bits of x2APIC registers are checked (table 11-6 and section 11.12.1.3).
bool Lapic::x2apic_write_allowed(unsigned index, u64 value) const {
    if (index == kIcrLow) return (value & 0xffff'ffff & ~u64{kIcrWritable}) == 0;
    if (const int entry = lvt_of(index); entry >= 0) {
        constexpr u32 kReadOnly = 1 << 12 | kLvtRemoteIrr;
        return (value & ~u64{lvt_writable(static_cast<Lvt>(entry)) | kReadOnly}) == 0;
    }
    switch (index) {
        case kTpr:
        case kSelfIpi:
            return value <= 0xff;
        case kSvr:
            return (value & ~u64{0x1ff | (config_.eoi_broadcast_suppression ? u32{kSvrSuppressEoiBroadcast} : 0)}) == 0;
        case kEoi:
        case kEsr:
            return value == 0;
        case kDivide:
            return (value & ~u64{0xb}) == 0;
        default:
            return value <= 0xffff'ffff;
    }
}

bool Lapic::write_msr(u32 index, u64 value) {
    if (!x2apic_mode() || index < kMsrX2ApicFirst || index > kMsrX2ApicLast) return false;
    const unsigned reg = index - kMsrX2ApicFirst;
    if (!x2apic_write_allowed(reg, value)) return false;
    if (reg == kIcrLow) return icr_ = value, send_ipi(value), true;
    if (reg == kSelfIpi) {
        const u8 vector = static_cast<u8>(value);
        vector < 16 ? raise_error(kSendIllegalVector) : static_cast<void>(accept_fixed(vector, false));
        return true;
    }
    return write_register(reg, static_cast<u32>(value));
}

/// Figure 11-27: off <-> xAPIC -> x2APIC -> off; everything else faults.
bool Lapic::write_apic_base(u64 value) {
    const u64 address = (bit(config_.physical_address_bits) - 1) & ~u64{0xfff};
    const u64 allowed = address | kBsp | kEnable | (config_.x2apic ? u64{kExtd} : 0);
    if ((value & ~allowed) != 0) return false;
    const bool enable = (value & kEnable) != 0, extd = (value & kExtd) != 0;
    if (extd && !enable) return false;
    if (extd && !enabled()) return false;
    if (x2apic_mode() && enable && !extd) return false;

    const u64 before = apic_base_;
    const bool was_x2apic = x2apic_mode(), was_enabled = enabled();
    apic_base_ = (value & ~u64{kBsp}) | (before & kBsp);
    if (extd && !was_x2apic) icr_ &= 0xffff'ffff;
    if (was_enabled && !enable) {
        reset_registers();
        xapic_id_ = static_cast<u8>(config_.apic_id);
    }
    update();
    if (before != apic_base_ && on_window_changed_) on_window_changed_();
    return true;
}

}  // namespace twin86
