#include "devices/pci/pci_bus.h"

#include <algorithm>

#include "devices/pci/pci_bridge.h"

namespace twin86 {
namespace {

constexpr unsigned kPins = 4;

}  // namespace

Mapping PciBus::attach(u8 devfn, PciDevice& device) {
    CHECK(functions_[devfn] == nullptr, "PCI {:02x}.{} is taken by {}", devfn >> 3, devfn & 7,
          functions_[devfn]->name());
    functions_[devfn] = &device;
    PciConnector connector{&space_, upstream_, {}, {}};
    for (unsigned pin = 0; pin < kPins; ++pin) {
        connector.pins[pin] = IrqLine(*this, devfn | pin << 8);
        connector.pins_behind[pin] = IrqLine(*this, devfn | (pin + kPins) << 8);
    }
    device.connect(connector);
    return Mapping([this, devfn] {
        levels_[devfn] = 0;
        update_inputs();
        functions_[devfn]->connect({});
        functions_[devfn] = nullptr;
    });
}

Mapping PciBus::attach_bridge(u8 devfn, PciBridge& bridge) {
    bridges_.push_back(&bridge);
    return attach(devfn, bridge);
}

bool PciBus::has(const PciDevice& device) const {
    return std::find(functions_.begin(), functions_.end(), &device) != functions_.end();
}

u8 PciBus::devfn_of(const PciDevice& device) const {
    const auto at = std::find(functions_.begin(), functions_.end(), &device);
    CHECK(at != functions_.end(), "{} is on no bus", device.name());
    return static_cast<u8>(at - functions_.begin());
}

PciDevice* PciBus::find(u8 own_number, u8 number, u8 devfn) const {
    if (number == own_number) return functions_[devfn];
    for (const PciBridge* b : bridges_)
        if (b->secondary() <= number && number <= b->subordinate()) return b->bus().find(b->secondary(), number, devfn);
    return nullptr;
}

u32 PciBus::config_read(u8 bus, u8 devfn, u16 offset, unsigned size) const {
    const PciDevice* device = find(0, bus, devfn);
    const bool extended = offset > 0xff;
    if (device == nullptr || (extended && !device->has_extended_config()))
        return static_cast<u32>(truncate(~u64{0}, size));
    return extended ? 0 : device->config_read(static_cast<u8>(offset), size);
}

void PciBus::config_write(u8 bus, u8 devfn, u16 offset, unsigned size, u32 value) {
    if (offset > 0xff) return;
    if (PciDevice* device = find(0, bus, devfn)) device->config_write(static_cast<u8>(offset), size, value);
}

void PciBus::set_level(unsigned input, bool level) {
    const unsigned devfn = input & 0xff;
    const u8 pin = static_cast<u8>(1u << (input >> 8));
    CHECK(functions_[devfn] != nullptr, "INTx of {:#x}", devfn);
    if (((levels_[devfn] & pin) != 0) == level) return;
    levels_[devfn] ^= pin;
    update_inputs();
}

void PciBus::update_inputs() {
    u8 wanted = 0;
    for (unsigned devfn = 0; devfn < kFunctions; ++devfn)
        for (unsigned pin = 0; levels_[devfn] >> pin != 0; ++pin)
            if ((levels_[devfn] >> pin & 1) != 0)
                wanted = static_cast<u8>(wanted | 1u << route_(devfn >> 3, pin % kPins + 1));
    const u8 changed = wanted ^ driven_;
    driven_ = wanted;
    for (unsigned n = 0; n < kMostInputs; ++n)
        if ((changed >> n & 1) != 0) inputs_.set_level(n, (wanted >> n & 1) != 0);
}

void PciBus::reset_functions(ResetKind kind) {
    for (PciDevice* device : functions_)
        if (device != nullptr) device->reset(kind);
}

void PciBus::visit(StateArchive& archive) {
    archive.section(name(), 1, [&](u32) { visit_levels(archive); });
}

/// The bits that levels_ may have.
u8 PciBus::pins_of(unsigned devfn) const {
    if (functions_[devfn] == nullptr) return 0;
    return std::find(bridges_.begin(), bridges_.end(), functions_[devfn]) != bridges_.end() ? 0xff : 0x0f;
}

void PciBus::visit_levels(StateArchive& archive) {
    archive.fields(levels_, driven_);
    for (unsigned devfn = 0; devfn < kFunctions; ++devfn) {
        if ((levels_[devfn] & ~pins_of(devfn)) == 0) continue;
        levels_[devfn] = 0;
        archive.fail("the saved PCI bus has a function that this machine lacks");
    }
}

}  // namespace twin86
