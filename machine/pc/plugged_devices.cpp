#include "machine/pc/plugged_devices.h"

#include <algorithm>

#include "machine/pc/layout.h"

namespace twin86::pc {
namespace {

constexpr u8 kSlots = 32;

}  // namespace

void PluggedDevices::add_pc_testdev() {
    using D = PcTestdev;
    pc_testdev_ = std::make_unique<D>(board_.gsi().add_driver(), [this](Gpa page) { phys_.written(page, kPageSize); });
    const auto ports = [this](IoPort base, unsigned count, IoHandler& handler, u8 sizes) {
        mappings_.push_back(io_.map(base, count, handler, "pc-testdev", sizes));
    };
    ports(D::kIrqPort, D::kIrqLines, pc_testdev_->irq_ports(), IoBus::kAll);
    ports(D::kValuePort, D::kValuePorts, pc_testdev_->value_ports(), IoBus::kAll);
    ports(D::kFlushPort, D::kFlushPorts, pc_testdev_->flush_ports(), IoBus::kDword);
    mappings_.push_back(mmio_.map(D::kMemoryBase, D::kMemoryBytes, pc_testdev_->memory(), "pc-testdev"));
    board_.add_device(*pc_testdev_);
}

std::optional<u8> PluggedDevices::free_slot() const {
    for (u8 slot = board_.chipset().display_slot() + 1; slot < kSlots; ++slot)
        if (board_.pci().at(pci_devfn(slot, 0)) == nullptr) return slot;
    return std::nullopt;
}

bool PluggedDevices::is_root_bus(const std::string& bus) const {
    return bus.empty() || bus == board_.chipset().root_bus_name();
}

Result<u8> PluggedDevices::root_slot(std::string_view device, const PciPlace& place) const {
    const std::optional<u8> at = place.slot ? place.slot : free_slot();
    if (!at) return error("-device {}: no PCI slot is free", device);
    const u8 devfn = pci_devfn(*at, 0);
    if (const PciDevice* there = board_.pci().at(devfn))
        return error("-device {},addr={:#x}: {} is in this PCI slot", device, *at, there->name());
    return devfn;
}

Status PluggedDevices::add_root_port(const std::string& id, u16 slot, const PciPlace& place) {
    if (!is_root_bus(place.bus))
        return error("-device pcie-root-port,bus={}: root ports go to {}", place.bus, board_.chipset().root_bus_name());
    const auto devfn = root_slot("pcie-root-port", place);
    if (!devfn) return devfn.failure();
    ports_.push_back(std::make_unique<PcieRootPort>(id, slot, board_.chipset().pci_space()));
    mappings_.push_back(board_.pci().attach_bridge(devfn.value(), *ports_.back()));
    board_.add_device(*ports_.back());
    return {};
}

/// The link of a port ends at slot 0.
Status PluggedDevices::plug_behind(PciDevice& device, const PciPlace& place) {
    const auto port = std::find_if(ports_.begin(), ports_.end(), [&](const auto& p) { return p->name() == place.bus; });
    if (port == ports_.end())
        return error("-device {},bus={}: there is no such bus; there is {}, and the id of each -device pcie-root-port",
                     device.name(), place.bus, board_.chipset().root_bus_name());
    if (place.slot.value_or(0) != 0)
        return error("-device {},bus={}: behind a root port there is slot 0 alone", device.name(), place.bus);
    if ((*port)->occupied())
        return error("-device {},bus={}: {} is behind this port", device.name(), place.bus,
                     (*port)->bus().at(0)->name());
    mappings_.push_back((*port)->plug(device));
    return {};
}

Status PluggedDevices::plug(std::unique_ptr<PciDevice> device, const PciPlace& place) {
    if (!is_root_bus(place.bus)) {
        if (const Status s = plug_behind(*device, place); !s) return s;
    } else {
        const auto devfn = root_slot(device->name(), place);
        if (!devfn) return devfn.failure();
        mappings_.push_back(board_.pci().attach(devfn.value(), *device));
    }
    board_.add_device(*device);
    functions_.push_back(std::move(device));
    return {};
}

}  // namespace twin86::pc
