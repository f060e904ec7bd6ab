// GsiRouter: global system interrupts of a PC: 0-15 are ISA IRQs (PIC and I/O APIC), 16-23 reach the I/O APIC alone.
#pragma once

#include <array>
#include <deque>

#include "base/types.h"
#include "devices/core/device.h"
#include "devices/core/irq_line.h"

namespace twin86 {

/// Several drivers may hold a line, as COM1 and COM3 or a PIRQ and an ISA device do: it is high while one of them does.
///
/// ISA IRQ 0 arrives at I/O APIC pin 2 (the MADT says so by an interrupt source override); pin 0 is left to the
/// machine, which may connect the PIC's INTR there.
class GsiRouter : public Device {
  public:
    static constexpr unsigned kIsaIrqs = 16, kGsis = 24;

    GsiRouter(IrqSink& pic, IrqSink& ioapic) : pic_(pic), ioapic_(ioapic) {}

    // While the machine is put together, always in the same order: saved state knows drivers by their numbers.
    /// A driver of one line.
    IrqLine line(unsigned gsi) { return IrqLine(add_driver(), gsi); }
    /// A driver of all lines, its inputs 0 to 23.
    IrqSink& add_driver() { return drivers_.emplace_back(*this); }

    /// How often the line rose, for people who look.
    u64 count(unsigned gsi) const { return counts_[gsi]; }

    std::string_view name() const override { return "gsi-router"; }
    /// Drivers let their lines go when they are reset.
    void reset(ResetKind) override {}
    void visit(StateArchive& archive) override;

  private:
    static constexpr unsigned kCascade = 2, kTimerPin = 2;

    struct Driver : IrqSink {
        explicit Driver(GsiRouter& r) : router(r) {}
        void set_level(unsigned gsi, bool level) override;
        bool edge_waits(unsigned gsi) const override { return router.edge_waits(gsi); }
        GsiRouter& router;
        u32 high = 0;  ///< a bit for each line
    };

    u32 high_lines() const;
    void show(unsigned gsi);
    bool edge_waits(unsigned gsi) const;

    IrqSink& pic_;
    IrqSink& ioapic_;
    std::deque<Driver> drivers_;
    u32 levels_ = 0;
    std::array<u64, kGsis> counts_{};
};

}  // namespace twin86
