// A small PCI machine for tests: buses, configuration ports, a fake interrupt controller.
#pragma once

#include <map>

#include "devices/pci/pci_bus.h"
#include "devices/pci/pci_config_ports.h"
#include "tests/lib/state_copy.h"

namespace twin86 {

struct FakeIrqs : IrqSink {
    void set_level(unsigned pin, bool level) override {
        levels[pin] = level;
        ++changes;
    }
    std::map<unsigned, bool> levels;
    unsigned changes = 0;
};

struct PciFixture {
    IoBus io;
    MmioBus mmio;
    PciAddressSpace space{io, mmio, {{0xa0000, 0xbffff}, {0xc0000000, 0xfebfffff}, {0x800000000, 0x8ffffffff}}};
    FakeIrqs pirqs;
    PciBus bus{space, pirqs};

    u32 read(u8 devfn, u8 offset, unsigned size) { return bus.config_read(0, devfn, offset, size); }
    void write(u8 devfn, u8 offset, unsigned size, u32 value) { bus.config_write(0, devfn, offset, size, value); }
};

}  // namespace twin86
