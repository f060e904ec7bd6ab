// Local APIC (SDM vol. 3, chapter 11): xAPIC by MMIO, x2APIC by MSR.
//
// lapic.cpp decides what is pending and takes it; lapic_messages.cpp is the bus side (ICR, messages, LINT pins);
// lapic_registers.cpp is what the guest reads and writes.
#pragma once

#include <array>
#include <atomic>
#include <functional>

#include "base/log.h"
#include "devices/core/bus.h"
#include "devices/core/device.h"
#include "devices/core/irq_line.h"
#include "devices/irq/apic_bus.h"
#include "devices/irq/lapic_timer.h"

namespace twin86 {

struct LapicConfig {
    u32 apic_id = 0;
    bool bootstrap = true;                  ///< APIC_BASE.BSP
    bool x2apic = true;                     ///< CPUID.1:ECX[21]; otherwise APIC_BASE.EXTD is reserved
    bool tsc_deadline = true;               ///< CPUID.1:ECX[24]
    bool eoi_broadcast_suppression = true;  ///< version bit 24 and SVR bit 12
    unsigned physical_address_bits = 40;
};

/// 256 bits as the IRR, ISR and TMR registers show them.
class VectorSet {
  public:
    bool test(u8 v) const { return (words_[v >> 5] >> (v & 31) & 1) != 0; }
    void set(u8 v) { words_[v >> 5] |= u32{1} << (v & 31); }
    void clear(u8 v) { words_[v >> 5] &= ~(u32{1} << (v & 31)); }
    void clear_all() { words_.fill(0); }
    int highest() const;  ///< -1 when empty
    u32 word(unsigned n) const { return words_[n & 7]; }
    void visit(StateArchive& archive) { archive.field(words_); }

  private:
    std::array<u32, 8> words_{};
};

class Lapic : public Device, public MmioHandler, public IrqSink {
  public:
    static constexpr Gpa kDefaultBase = 0xfee0'0000;
    static constexpr u64 kWindowSize = 0x1000;
    static constexpr u32 kMsrApicBase = 0x1b, kMsrTscDeadline = 0x6e0, kMsrX2ApicFirst = 0x800, kMsrX2ApicLast = 0x83f;
    enum Pin : unsigned { kLint0 = 0, kLint1 = 1 };

    /// `acknowledge_pic` runs the INTA cycle of the 8259A pair and returns its vector.
    Lapic(const LapicConfig& config, TimerQueue& queue, const TscClock& tsc, ApicBus& bus,
          std::function<u8()> acknowledge_pic, Log& log);

    void connect_cpu(CpuPins& pins) { pins_ = &pins; }
    /// Called when the guest moves or disables the MMIO window.
    void set_on_window_changed(std::function<void()> callback) { on_window_changed_ = std::move(callback); }

    std::string_view name() const override { return name_; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

    /// What firmware sets up on the bootstrap processor: APIC on, LINT0 = ExtINT from the PIC, LINT1 = NMI. For a
    /// machine that enters a kernel without firmware.
    void set_virtual_wire();

    // The processor's side.
    /// Something is deliverable but for RFLAGS.IF; one relaxed load, from any thread.
    bool has_interrupt() const { return deliverable_.load(std::memory_order_relaxed); }
    /// Takes the interrupt: its vector, or -1 when there is none any more.
    int acknowledge();
    u8 cr8() const { return static_cast<u8>(tpr_ >> 4); }
    void set_cr8(u8 value) { write_tpr(static_cast<u8>(value << 4)); }

    u64 apic_base() const { return apic_base_; }
    bool write_apic_base(u64 value);  ///< false: #GP
    /// x2APIC registers 0x800-0x83f; false: #GP.
    bool read_msr(u32 index, u64& value);
    bool write_msr(u32 index, u64 value);
    u64 tsc_deadline() const { return timer_.tsc_deadline(); }
    void write_tsc_deadline(u64 value) { timer_.write_tsc_deadline(value); }
    void interrupt_taken() { timer_.interrupt_taken(); }
    void tsc_changed() { timer_.tsc_changed(); }

    bool enabled() const { return (apic_base_ & kEnable) != 0; }
    bool x2apic_mode() const { return (apic_base_ & kExtd) != 0; }
    bool mmio_visible() const { return enabled() && !x2apic_mode(); }
    Gpa window() const { return apic_base_ & ~u64{0xfff}; }

    u64 mmio_read(u64 offset, unsigned size) override;
    void mmio_write(u64 offset, unsigned size, u64 value) override;

    // The bus' side.
    u32 id() const { return config_.apic_id; }
    bool matches(const ApicMessage& message) const;
    u8 processor_priority() const;
    /// A software-disabled APIC takes no fixed interrupts.
    bool takes_fixed() const { return enabled() && (svr_ & kSvrEnable) != 0; }
    bool accept(const ApicMessage& message);
    /// accept() would change nothing, because the processor has not taken the same message yet.
    bool waits(const ApicMessage& message) const;
    void set_level(unsigned pin, bool level) override;

  private:
    enum ApicBase : u64 { kBsp = 1 << 8, kExtd = 1 << 10, kEnable = 1 << 11 };
    enum Svr : u32 { kSvrEnable = 1 << 8, kSvrSuppressEoiBroadcast = 1 << 12 };
    enum LvtBits : u32 { kLvtRemoteIrr = 1 << 14, kLvtLevel = 1 << 15, kLvtMasked = 1 << 16 };
    enum Lvt : unsigned { kLvtTimer, kLvtThermal, kLvtPerformance, kLvtLint0, kLvtLint1, kLvtError, kLvtCount };
    enum Esr : u32 { kSendIllegalVector = 1 << 5, kReceiveIllegalVector = 1 << 6, kIllegalRegister = 1 << 7 };

    void reset_registers();
    void update();
    bool extint_pending() const;
    int deliverable_vector() const;
    void write_tpr(u8 value);
    void end_of_interrupt();

    bool accept_fixed(u8 vector, bool level_triggered);
    void raise_error(u32 esr_bit);
    void fire_lvt(Lvt entry);
    bool lvt_waits(Lvt entry) const;
    void service_lint(unsigned pin);
    void send_ipi(u64 icr);
    void send_to(const ApicMessage& message, unsigned shorthand);
    u32 logical_id() const;
    bool matches_logical(u32 mda) const;

    bool read_register(unsigned index, u32& value);
    bool write_register(unsigned index, u32 value);
    void write_svr(u32 value);
    void write_lvt(Lvt entry, u32 value);
    u32 lvt_writable(Lvt entry) const;
    u32 version() const;
    bool x2apic_write_allowed(unsigned index, u64 value) const;
    static int lvt_of(unsigned index);

    LapicConfig config_;
    std::string name_;
    ApicBus& bus_;
    std::function<u8()> acknowledge_pic_;
    Log& log_;
    CpuPins* pins_ = nullptr;
    std::function<void()> on_window_changed_;
    LapicTimer timer_;
    std::atomic<bool> deliverable_ = false;

    u64 apic_base_ = 0;
    u8 tpr_ = 0, xapic_id_ = 0;
    u32 svr_ = 0xff, ldr_ = 0, dfr_ = ~u32{0};
    u32 esr_ = 0, esr_pending_ = 0;
    u64 icr_ = 0;
    std::array<u32, kLvtCount> lvt_{};
    VectorSet irr_, isr_, tmr_;
    u8 lint_ = 0;                  // levels of LINT0 and LINT1
    bool extint_message_ = false;  // an ExtINT that came as a message
};

}  // namespace twin86
