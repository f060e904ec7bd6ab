// ACPI fixed hardware: PM1 event and control, PM timer, GPE0 block, SMI command port (ACPI 6.4, section 4.8), laid out as
// in the PIIX4's power management function (Intel 290562, 7.2) or the ICH9's (Intel 316972, 13.8.3).
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "base/log.h"
#include "devices/core/bus.h"
#include "devices/core/device.h"
#include "devices/core/irq_line.h"
#include "devices/core/timer_queue.h"

namespace twin86 {

/// What chipsets differ in: offset and size of the GPE0 block (status, then as many enable bits), size of it all.
struct AcpiPmLayout {
    u16 gpe0 = 0, block_size = 0;
    u8 gpe0_bytes = 0;  ///< at most 16
};
constexpr AcpiPmLayout kPiix4PmLayout{0x0c, 0x40, 4}, kIch9PmLayout{0x20, 0x80, 16};

class AcpiPm : public Device, public IoHandler {
  public:
    /// Offsets in the block, for the FADT.
    enum Offset : u16 { kPm1Event = 0x0, kPm1Control = 0x4, kPmTimer = 0x8 };
    static constexpr u64 kTimer_hz = 3'579'545;
    /// Values for the SMI command port, for the FADT.
    static constexpr u8 kAcpiEnable = 0xf1, kAcpiDisable = 0xf0;
    static constexpr u16 kSmiPorts = 2;

    enum Pm1 : u16 {
        kTimerOverflow = 1 << 0,
        kBusMaster = 1 << 4,
        kGlobal = 1 << 5,
        kPowerButton = 1 << 8,
        kSleepButton = 1 << 9,
        kRtcAlarm = 1 << 10,
        kWake = 1 << 15,
    };

    struct Callbacks {
        std::function<void(u8 slp_typ)> sleep;        ///< the guest wrote SLP_EN
        std::function<void(u8 command)> smi_command;  ///< any other value written to the SMI command port; may be empty
    };

    /// `timer_bits` is 24 or 32 (TMR_VAL_EXT).
    AcpiPm(TimerQueue& queue, IrqLine sci, unsigned timer_bits, Callbacks callbacks, Log& log,
           const AcpiPmLayout& layout = kPiix4PmLayout);

    std::string_view name() const override { return "acpi-pm"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

    /// The block; byte, word and dword accesses.
    u32 io_read(u16 offset, unsigned size) override;
    void io_write(u16 offset, unsigned size, u32 value) override;
    IoHandler& smi_ports() { return smi_ports_; }  ///< 0xb2 command, 0xb3 status

    void press_power_button() { raise(kPowerButton); }
    void press_sleep_button() { raise(kSleepButton); }
    void rtc_alarm() { raise(kRtcAlarm); }
    /// The machine resumes from a sleep state.
    void woke_up() { raise(kWake); }
    const AcpiPmLayout& layout() const { return layout_; }
    /// General purpose event n, of which there are 4 for each byte of the block; its status stays until the guest clears it.
    void raise_gpe(unsigned n);
    bool acpi_enabled() const { return (control_ & kSciEnable) != 0; }

  private:
    enum Control : u16 { kSciEnable = 1 << 0, kGlobalRelease = 1 << 2, kSleepEnable = 1 << 13 };

    class SmiPorts : public IoHandler {
      public:
        explicit SmiPorts(AcpiPm& pm) : pm_(pm) {}
        u32 io_read(u16 offset, unsigned) override { return offset == 0 ? pm_.smi_command_ : pm_.smi_status_; }
        void io_write(u16 offset, unsigned, u32 value) override;

      private:
        AcpiPm& pm_;
    };

    void raise(u16 status);
    u64 timer_ticks() const;
    void sync_overflow();
    void update_sci();
    void arm_overflow();
    /// The word of GPE0 status or enable bits at an offset: its register and shift; nothing elsewhere.
    std::optional<std::pair<u64*, unsigned>> gpe_word(u16 offset);
    u16 read_word(u16 offset);
    void write_word(u16 offset, u16 value, u16 mask);
    void write_control(u16 value);
    void smi_command(u8 command);

    TimerQueue& queue_;
    IrqLine sci_;
    unsigned timer_bits_;
    const AcpiPmLayout layout_;
    Callbacks callbacks_;
    Log& log_;
    Timer timer_;
    SmiPorts smi_ports_{*this};

    u16 pm1_status_ = 0, pm1_enable_ = 0, control_ = 0;
    u64 gpe_status_ = 0, gpe_enable_ = 0;
    u8 smi_command_ = 0, smi_status_ = 0;
    u64 synced_toggles_ = 0;  // changes of the timer's top bit that TMROF_STS knows
};

}  // namespace twin86
