#include "machine/pc/plugged_devices.h"

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

Status PluggedDevices::plug(std::unique_ptr<PciDevice> device, std::optional<u8> slot) {
    const std::optional<u8> at = slot ? slot : free_slot();
    if (!at) return error("-device {}: no PCI slot is free", device->name());
    const u8 devfn = pci_devfn(*at, 0);
    if (const PciDevice* there = board_.pci().at(devfn))
        return error("-device {},addr={:#x}: {} is in this PCI slot", device->name(), *at, there->name());
    mappings_.push_back(board_.pci().attach(devfn, *device));
    board_.add_device(*device);
    functions_.push_back(std::move(device));
    return {};
}

}  // namespace twin86::pc
