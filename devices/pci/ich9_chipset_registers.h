// Chipset configuration registers of the ICH9, at RCBA: Intel 316972, 10.1. Which pin of a slot is which PIRQ.
#pragma once

#include <array>
#include <functional>

#include "devices/core/bus.h"
#include "devices/core/device.h"

namespace twin86 {

class Ich9ChipsetRegisters : public Device, public MmioHandler {
  public:
    static constexpr u64 kWindowBytes = 16 * KiB;

    /// `on_route` is called when the answers of pirq() have changed.
    explicit Ich9ChipsetRegisters(std::function<void()> on_route = {}) : on_route_(std::move(on_route)) {}

    /// The PIRQ (0-7) of pin INTA..INTD (1-4) of a slot of bus 0. Slots below 25 lie outside the ICH9 and share PIRQE
    /// to H; the others are routed by D25IR to D31IR.
    unsigned pirq(unsigned slot, unsigned pin) const;

    std::string_view name() const override { return "ich9-chipset"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;
    u64 mmio_read(u64 offset, unsigned size) override;
    void mmio_write(u64 offset, unsigned size, u64 value) override;

  private:
    static constexpr unsigned kFirstRouted = 25, kRouted = 7;
    static constexpr u16 kDefaultRoute = 0x3210;

    u8 read_byte(u64 offset) const;
    void write_byte(u64 offset, u8 value);

    std::function<void()> on_route_;
    std::array<u16, kRouted> routes_ = all_default();
    u8 other_interrupts_ = 0;  // OIC

    static constexpr std::array<u16, kRouted> all_default() {
        std::array<u16, kRouted> routes{};
        routes.fill(kDefaultRoute);
        return routes;
    }
};

}  // namespace twin86
