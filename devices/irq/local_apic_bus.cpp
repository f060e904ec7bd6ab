#include "devices/irq/local_apic_bus.h"

#include <algorithm>

#include "base/bits.h"

namespace twin86 {

bool LocalApicBus::deliver(const ApicMessage& message) {
    if (remote_ && message.mode != DeliveryMode::kExtInt) {
        const auto [address, data] = encode_msi(message);
        return remote_(address, data);
    }
    if (message.mode == DeliveryMode::kLowestPriority) return deliver_lowest_priority(message);
    bool taken = false;
    for (Lapic* lapic : lapics_)
        if (lapic->matches(message) && lapic->accept(message)) taken = true;
    return taken;
}

/// The addressed processor that does the least important work takes it; the first of equals.
bool LocalApicBus::deliver_lowest_priority(const ApicMessage& message) {
    Lapic* best = nullptr;
    for (Lapic* lapic : lapics_) {
        if (!lapic->matches(message) || !lapic->takes_fixed()) continue;
        if (best == nullptr || lapic->processor_priority() < best->processor_priority()) best = lapic;
    }
    return best != nullptr && best->accept(message);
}

bool LocalApicBus::waits(const ApicMessage& message) const {
    return std::any_of(lapics_.begin(), lapics_.end(),
                       [&](const Lapic* lapic) { return lapic->matches(message) && lapic->waits(message); });
}

void LocalApicBus::broadcast_eoi(u8 vector) {
    for (EoiListener* ioapic : ioapics_) ioapic->eoi(vector);
}

/// The destination mode bit counts without the redirection hint too: guests rely on it, whatever the SDM says.
ApicMessage LocalApicBus::decode_msi(u64 address, u32 data) {
    const bool redirection_hint = (address & bit(3)) != 0;
    ApicMessage message;
    message.destination = static_cast<u32>(bits(address, 19, 12));
    message.logical = (address & bit(2)) != 0;
    message.mode = static_cast<DeliveryMode>(bits(data, 10, 8));
    if (redirection_hint && message.mode == DeliveryMode::kFixed) message.mode = DeliveryMode::kLowestPriority;
    message.vector = static_cast<u8>(data);
    message.level_triggered = (data & bit(15)) != 0;
    message.assert_level = !message.level_triggered || (data & bit(14)) != 0;
    return message;
}

std::pair<u64, u32> LocalApicBus::encode_msi(const ApicMessage& m) {
    const bool redirection_hint = m.mode == DeliveryMode::kLowestPriority;
    const u64 address = kMsiBase | u64{m.destination & 0xff} << 12 | u64{redirection_hint} << 3 | u64{m.logical} << 2;
    const u32 trigger = m.level_triggered ? bit(15) | bit(14) : 0;
    return {address, m.vector | static_cast<u32>(m.mode) << 8 | trigger};
}

bool LocalApicBus::deliver_msi(u64 address, u32 data) {
    if (!is_msi(address)) return false;
    const ApicMessage message = decode_msi(address, data);
    const bool possible = message.mode != DeliveryMode::kReserved && message.mode != DeliveryMode::kStartup;
    return possible && message.assert_level && deliver(message);
}

}  // namespace twin86
