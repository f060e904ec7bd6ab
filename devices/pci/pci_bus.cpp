#include "devices/pci/pci_bus.h"

#include <algorithm>

namespace twin86 {

Mapping PciBus::attach(u8 devfn, PciDevice& device) {
    CHECK(functions_[devfn] == nullptr, "PCI {:02x}.{} is taken by {}", devfn >> 3, devfn & 7,
          functions_[devfn]->name());
    functions_[devfn] = &device;
    device.connect(&space_, device.interrupt_pin() == 0 ? IrqLine() : IrqLine(*this, devfn));
    return Mapping([this, devfn] {
        set_level(devfn, false);
        functions_[devfn]->connect(nullptr, IrqLine());
        functions_[devfn] = nullptr;
    });
}

u8 PciBus::devfn_of(const PciDevice& device) const {
    const auto at = std::find(functions_.begin(), functions_.end(), &device);
    CHECK(at != functions_.end(), "{} is on no bus", device.name());
    return static_cast<u8>(at - functions_.begin());
}

u32 PciBus::config_read(u8 bus, u8 devfn, u8 offset, unsigned size) const {
    const PciDevice* device = find(bus, devfn);
    return device == nullptr ? static_cast<u32>(truncate(~u64{0}, size)) : device->config_read(offset, size);
}

void PciBus::config_write(u8 bus, u8 devfn, u8 offset, unsigned size, u32 value) {
    if (PciDevice* device = find(bus, devfn)) device->config_write(offset, size, value);
}

void PciBus::set_level(unsigned devfn, bool level) {
    CHECK(devfn < kFunctions && functions_[devfn] != nullptr, "INTx of {:#x}", devfn);
    if (levels_[devfn] == level) return;
    levels_[devfn] = level;
    const unsigned pirq = pci_pirq(devfn >> 3, functions_[devfn]->interrupt_pin());
    bool any = false;
    for (unsigned other = 0; other < kFunctions; ++other)
        any |= levels_[other] && pci_pirq(other >> 3, functions_[other]->interrupt_pin()) == pirq;
    pirqs_.set_level(pirq, any);
}

void PciBus::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) { archive.field(levels_); });
    for (unsigned devfn = 0; devfn < kFunctions; ++devfn)
        if (levels_[devfn] && functions_[devfn] == nullptr) {
            levels_[devfn] = false;
            archive.fail("the saved PCI bus has a function that this machine lacks");
        }
}

}  // namespace twin86
