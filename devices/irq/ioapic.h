// 82093AA I/O APIC (Intel 290566) with the EOI register of version 0x20.
//
// Pins carry 'asserted', not a voltage: the polarity bit is stored and read back but inverts nothing.
#pragma once

#include <array>
#include <functional>
#include <optional>

#include "base/log.h"
#include "devices/core/bus.h"
#include "devices/core/device.h"
#include "devices/core/irq_line.h"
#include "devices/irq/apic_bus.h"

namespace twin86 {

class IoApic : public Device, public IrqSink, public MmioHandler, public EoiListener {
  public:
    static constexpr unsigned kPins = 24;
    static constexpr u64 kWindowSize = 0x1000;

    IoApic(ApicBus& bus, Log& log) : bus_(bus), log_(log) { redirection_.fill(kMasked); }

    std::string_view name() const override { return "ioapic"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

    void set_level(unsigned pin, bool level) override;
    bool edge_waits(unsigned pin) const override;
    void eoi(u8 vector) override;

    u64 mmio_read(u64 offset, unsigned size) override;
    void mmio_write(u64 offset, unsigned size, u64 value) override;

    u64 redirection(unsigned pin) const { return redirection_[pin]; }
    /// What a pin sends when it is asserted; nothing when it is masked.
    std::optional<ApicMessage> message(unsigned pin) const {
        return (redirection_[pin] & kMasked) != 0 ? std::nullopt : std::optional(message_of(redirection_[pin]));
    }
    /// Called when the answers of message() may have changed.
    void set_on_changed(std::function<void()> callback) { on_changed_ = std::move(callback); }

  private:
    enum Entry : u64 {
        kLogical = 1 << 11,
        kDeliveryStatus = 1 << 12,
        kPolarity = 1 << 13,
        kRemoteIrr = 1 << 14,
        kLevel = 1 << 15,
        kMasked = 1 << 16,
    };

    u32 read_register() const;
    void write_register(u32 value);
    void write_redirection(unsigned pin, bool high, u32 value);
    static bool is_level(u64 entry);
    void service_level(unsigned pin);
    static ApicMessage message_of(u64 entry);
    bool send(unsigned pin);

    std::function<void()> on_changed_;
    ApicBus& bus_;
    Log& log_;
    u8 select_ = 0;
    u8 id_ = 0;
    u32 lines_ = 0;
    std::array<u64, kPins> redirection_;
};

}  // namespace twin86
