// GsiRouter: global system interrupts of a PC: 0-15 are ISA IRQs (PIC and I/O APIC), 16-23 reach the I/O APIC alone.
#pragma once

#include <array>

#include "base/types.h"
#include "devices/core/irq_line.h"

namespace twin86 {

/// ISA IRQ 0 arrives at I/O APIC pin 2 (the MADT says so by an interrupt source override); pin 0 is left to the
/// machine, which may connect the PIC's INTR there.
class GsiRouter : public IrqSink {
  public:
    static constexpr unsigned kIsaIrqs = 16, kGsis = 24;

    GsiRouter(IrqSink& pic, IrqSink& ioapic) : pic_(pic), ioapic_(ioapic) {}

    void set_level(unsigned gsi, bool level) override {
        if (gsi >= kGsis || gsi == kCascade) return;
        if (level && !levels_[gsi]) ++counts_[gsi];
        levels_[gsi] = level;
        if (gsi < kIsaIrqs) pic_.set_level(gsi, level);
        ioapic_.set_level(gsi == 0 ? kTimerPin : gsi, level);
    }

    bool edge_waits(unsigned gsi) const override {
        return (gsi < kIsaIrqs && pic_.edge_waits(gsi)) || ioapic_.edge_waits(gsi == 0 ? kTimerPin : gsi);
    }

    IrqLine line(unsigned gsi) { return IrqLine(*this, gsi); }
    /// How often the line rose, for people who look.
    u64 count(unsigned gsi) const { return counts_[gsi]; }

  private:
    static constexpr unsigned kCascade = 2, kTimerPin = 2;

    IrqSink& pic_;
    IrqSink& ioapic_;
    std::array<bool, kGsis> levels_{};
    std::array<u64, kGsis> counts_{};
};

}  // namespace twin86
