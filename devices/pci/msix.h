// Msix: the table and pending bits of a function's MSI-X. PCI Local Bus 3.0, 6.8.2.
#pragma once

#include <functional>
#include <vector>

#include "base/state_archive.h"
#include "devices/core/bus.h"

namespace twin86 {

/// Handles the memory that both lie in: the table at 0, the pending bit array at pending_offset().
class Msix : public MmioHandler {
  public:
    static constexpr unsigned kMostVectors = 2048, kEntryBytes = 16;
    static constexpr u16 kEnable = 1 << 15, kFunctionMask = 1 << 14;  ///< of Message Control
    using Send = std::function<void(u64 address, u32 data)>;

    Msix(unsigned vectors, Send send);

    unsigned vectors() const { return static_cast<unsigned>(entries_.size()); }
    u32 pending_offset() const { return window_bytes() / 2; }
    u32 window_bytes() const { return window_; }

    /// Message Control as it is now: after each change.
    void set_control(u16 control);
    bool enabled() const { return (control_ & kEnable) != 0; }
    /// The vector's message, as soon as it is not masked. Nothing while MSI-X is disabled.
    void trigger(unsigned vector);
    /// What the vector stood for is over: no message that has not gone out yet.
    void withdraw(unsigned vector) { entry(vector).pending = false; }

    void reset();
    void visit(StateArchive& archive);

    u64 mmio_read(u64 offset, unsigned size) override;
    void mmio_write(u64 offset, unsigned size, u64 value) override;

  private:
    struct Entry {
        u32 address_low = 0, address_high = 0, data = 0, control = 1;
        bool pending = false;
    };

    Entry& entry(unsigned vector);
    u32 dword(u64 offset) const;
    u32 pending_dword(u64 first) const;
    void write_dword(u64 offset, u32 value);
    bool sendable(const Entry& entry) const;
    void send_pending(Entry& entry);

    Send send_;
    u32 window_;
    u16 control_ = 0;
    std::vector<Entry> entries_;
};

}  // namespace twin86
