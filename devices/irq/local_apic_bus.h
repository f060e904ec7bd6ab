// LocalApicBus: the system bus between I/O APICs, MSI writers and the local APICs of all processors.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "devices/irq/apic_bus.h"
#include "devices/irq/lapic.h"

namespace twin86 {

class LocalApicBus : public ApicBus {
  public:
    static constexpr Gpa kMsiBase = 0xfee0'0000, kMsiSize = 0x10'0000;

    void attach(Lapic& lapic) { lapics_.push_back(&lapic); }
    void attach(EoiListener& ioapic) { ioapics_.push_back(&ioapic); }
    /// From now on messages go there as an MSI's address and data, but for ExtINT, which is for our own local APIC.
    void set_remote(std::function<bool(u64 address, u32 data)> deliver) { remote_ = std::move(deliver); }

    bool deliver(const ApicMessage& message) override;
    void broadcast_eoi(u8 vector) override;
    bool waits(const ApicMessage& message) const override;

    /// An MSI or MSI-X write of a device: true when it was a message that some local APIC took.
    bool deliver_msi(u64 address, u32 data);
    static bool is_msi(u64 address) { return address >= kMsiBase && address < kMsiBase + kMsiSize; }
    /// SDM vol. 3, 11.11: the message behind an address and data pair.
    static ApicMessage decode_msi(u64 address, u32 data);
    static std::pair<u64, u32> encode_msi(const ApicMessage& message);

  private:
    bool deliver_lowest_priority(const ApicMessage& message);

    std::vector<Lapic*> lapics_;
    std::vector<EoiListener*> ioapics_;
    std::function<bool(u64, u32)> remote_;
};

}  // namespace twin86
