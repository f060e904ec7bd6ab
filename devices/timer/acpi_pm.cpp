#include "devices/timer/acpi_pm.h"

#include "base/bits.h"
#include "devices/timer/tick_rate.h"

namespace twin86 {

namespace {
constexpr TickRate kTimerRate(AcpiPm::kTimer_hz);
constexpr u16 kPm1StatusBits = AcpiPm::kTimerOverflow | AcpiPm::kBusMaster | AcpiPm::kGlobal | AcpiPm::kPowerButton |
                               AcpiPm::kSleepButton | AcpiPm::kRtcAlarm | AcpiPm::kWake;
constexpr u16 kPm1EnableBits =
    AcpiPm::kTimerOverflow | AcpiPm::kGlobal | AcpiPm::kPowerButton | AcpiPm::kSleepButton | AcpiPm::kRtcAlarm;
constexpr u16 kControlBits = 0x1c03;  // SLP_TYP, BM_RLD, SCI_EN; GBL_RLS and SLP_EN read as zero
}  // namespace

AcpiPm::AcpiPm(TimerQueue& queue, IrqLine sci, unsigned timer_bits, Callbacks callbacks, Log& log,
               const AcpiPmLayout& layout)
    : queue_(queue),
      sci_(sci),
      timer_bits_(timer_bits),
      layout_(layout),
      callbacks_(std::move(callbacks)),
      log_(log),
      timer_(queue, [this] { update_sci(); }) {
    CHECK(timer_bits == 24 || timer_bits == 32, "PM timer of {} bits", timer_bits);
}

/// The timer itself runs on: it has no reset.
void AcpiPm::reset(ResetKind) {
    pm1_status_ = pm1_enable_ = control_ = gpe_status_ = gpe_enable_ = 0;
    smi_command_ = smi_status_ = 0;
    synced_toggles_ = timer_ticks() >> (timer_bits_ - 1);
    update_sci();
}

void AcpiPm::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) {
        archive.fields(pm1_status_, pm1_enable_, control_, gpe_status_, gpe_enable_, smi_command_, smi_status_,
                       synced_toggles_);
    });
    if (!archive.loading()) return;
    for (u64* word : {&gpe_status_, &gpe_enable_}) *word = truncate(*word, layout_.gpe0_bytes / 2u);
    arm_overflow();
}

u64 AcpiPm::timer_ticks() const {
    return kTimerRate.ticks(queue_.now_ns());
}

/// TMROF_STS is set whenever the top bit of the counter changes (ACPI 4.8.2.1).
void AcpiPm::sync_overflow() {
    const u64 toggles = timer_ticks() >> (timer_bits_ - 1);
    if (toggles > synced_toggles_) pm1_status_ |= kTimerOverflow;
    synced_toggles_ = toggles;
}

void AcpiPm::arm_overflow() {
    if ((pm1_enable_ & ~pm1_status_ & kTimerOverflow) == 0) return timer_.cancel();
    timer_.arm(kTimerRate.ns(((timer_ticks() >> (timer_bits_ - 1)) + 1) << (timer_bits_ - 1)));
}

void AcpiPm::update_sci() {
    sync_overflow();
    const bool event = (pm1_status_ & pm1_enable_) != 0 || (gpe_status_ & gpe_enable_) != 0;
    sci_.set(event && acpi_enabled());
    arm_overflow();
}

void AcpiPm::raise(u16 status) {
    pm1_status_ |= status;
    update_sci();
}

void AcpiPm::raise_gpe(unsigned n) {
    gpe_status_ |= bit(n % (layout_.gpe0_bytes * 4));
    update_sci();
}

std::optional<std::pair<u64*, unsigned>> AcpiPm::gpe_word(u16 offset) {
    const unsigned half = layout_.gpe0_bytes / 2u;
    if (offset < layout_.gpe0 || offset >= layout_.gpe0 + layout_.gpe0_bytes) return std::nullopt;
    const unsigned at = offset - layout_.gpe0;
    return std::pair(at < half ? &gpe_status_ : &gpe_enable_, at % half * 8);
}

u16 AcpiPm::read_word(u16 offset) {
    switch (offset) {
        case kPm1Event:
            return sync_overflow(), pm1_status_;
        case kPm1Event + 2:
            return pm1_enable_;
        case kPm1Control:
            return control_;
        default:
            break;
    }
    const auto gpe = gpe_word(offset);
    return gpe ? static_cast<u16>(*gpe->first >> gpe->second) : 0;
}

u32 AcpiPm::io_read(u16 offset, unsigned size) {
    if ((offset & ~3) == kPmTimer) {
        const u64 value = timer_ticks() & (bit(timer_bits_) - 1);
        return static_cast<u32>(truncate(value >> (offset & 3) * 8, size));
    }
    u32 value = 0;
    for (unsigned i = 0; i < size; ++i) {
        const u16 at = static_cast<u16>(offset + i);
        value |= static_cast<u32>(read_word(at & ~1) >> (at & 1) * 8 & 0xff) << i * 8;
    }
    update_sci();
    return value;
}

void AcpiPm::write_word(u16 offset, u16 value, u16 mask) {
    const auto merge = [&](u16 old) { return static_cast<u16>((old & ~mask) | (value & mask)); };
    switch (offset) {
        case kPm1Event:
            pm1_status_ &= static_cast<u16>(~(value & mask & kPm1StatusBits));
            return;
        case kPm1Event + 2:
            pm1_enable_ = merge(pm1_enable_) & kPm1EnableBits;
            return;
        case kPm1Control:
            return write_control(merge(control_));
        default:
            break;
    }
    const auto gpe = gpe_word(offset);
    if (!gpe) return log_.write(kLogUnimp, "acpi-pm: write of {:#x} at offset {:#x}", value, offset);
    const auto [word, shift] = *gpe;
    const u64 bytes = u64{mask} << shift, written = u64{value} << shift & bytes;
    if (word == &gpe_status_)
        gpe_status_ &= ~written;
    else
        gpe_enable_ = (gpe_enable_ & ~bytes) | written;
}

void AcpiPm::io_write(u16 offset, unsigned size, u32 value) {
    sync_overflow();
    for (unsigned i = 0; i < size;) {  // whole words where possible, so that SLP_TYP and SLP_EN arrive together
        const u16 at = static_cast<u16>(offset + i);
        const bool odd = (at & 1) != 0, byte = odd || size - i == 1;
        const u16 part = static_cast<u16>(value >> i * 8);
        write_word(at & ~1, odd ? static_cast<u16>(part << 8) : part, odd ? 0xff00 : byte ? 0x00ff : 0xffff);
        i += byte ? 1 : 2;
    }
    update_sci();
}

void AcpiPm::write_control(u16 value) {
    control_ = value & kControlBits;
    // GBL_RLS tells firmware that the OS released the global lock; there is no SMI handler that could want it.
    if ((value & kSleepEnable) != 0 && callbacks_.sleep) callbacks_.sleep(static_cast<u8>(bits(value, 12, 10)));
}

void AcpiPm::SmiPorts::io_write(u16 offset, unsigned, u32 value) {
    if (offset == 0) {
        pm_.smi_command(static_cast<u8>(value));
    } else {
        pm_.smi_status_ = static_cast<u8>(value);
    }
}

/// What an SMI handler of firmware would do with the two commands of the FADT.
void AcpiPm::smi_command(u8 command) {
    smi_command_ = command;
    if (command == kAcpiEnable) control_ |= kSciEnable;
    if (command == kAcpiDisable) control_ &= static_cast<u16>(~kSciEnable);
    update_sci();
    if (command != kAcpiEnable && command != kAcpiDisable && callbacks_.smi_command) callbacks_.smi_command(command);
}

}  // namespace twin86
