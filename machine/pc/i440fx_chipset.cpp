#include "machine/pc/i440fx_chipset.h"

#include "machine/pc/layout.h"

namespace twin86::pc {
namespace {

constexpr u8 kHostBridge = pci_devfn(0, 0), kIsaBridge = pci_devfn(1, 0), kIde = pci_devfn(1, 1),
             kPower = pci_devfn(1, 3);

}  // namespace

I440fxChipset::I440fxChipset(const ChipsetWiring& to)
    : shadow_(to.phys),
      space_(to.io, to.mmio,
             {{kVideoHole, kVideoHole + kVideoHoleSize - 1},
              {pci_memory_first(MachineType::kPc, to.low_ram), kPciMemoryLast}},
             &to.log),
      isa_bridge_(to.gsi.add_driver()),
      bus_(space_, isa_bridge_.pirq_inputs()),
      config_ports_(bus_, &to.reset_control),
      host_bridge_([this] { shadow_.update(host_bridge_); }),
      ide_({to.gsi.line(kIrqIde[0]), to.gsi.line(kIrqIde[1])}, to.phys,
           [this](unsigned n, bool on) { map_ide(n, on); }),
      power_([this](std::optional<u16> base) { pm_ports_.move(base); },
             [this](std::optional<u16> base) { smbus_ports_.move(base); }),
      pm_ports_(space_, to.acpi_pm.layout().block_size, to.acpi_pm, "acpi-pm"),
      smbus_ports_(space_, Piix4Smbus::kPorts, smbus_, "smbus"),
      ide_command_{MovableRange(space_, IdeChannel::kCommandPorts, ide_.channel(0).command_ports(), "ide"),
                   MovableRange(space_, IdeChannel::kCommandPorts, ide_.channel(1).command_ports(), "ide")},
      ide_control_{MovableRange(space_, IdeChannel::kControlPorts, ide_.channel(0).control_port(), "ide-control"),
                   MovableRange(space_, IdeChannel::kControlPorts, ide_.channel(1).control_port(), "ide-control")} {
    mappings_.push_back(bus_.attach(kHostBridge, host_bridge_));
    mappings_.push_back(bus_.attach(kIsaBridge, isa_bridge_));
    mappings_.push_back(bus_.attach(kIde, ide_));
    mappings_.push_back(bus_.attach(kPower, power_));
    mappings_.push_back(
        to.io.map(PciConfigPorts::kPort, PciConfigPorts::kPorts, config_ports_, "pci-config", IoBus::kAll));
    shadow_.update(host_bridge_);
}

std::vector<Device*> I440fxChipset::devices() {
    return {&bus_,   &config_ports_, &smbus_,          &host_bridge_,   &isa_bridge_,
            &power_, &ide_,          &ide_.channel(0), &ide_.channel(1)};
}

void I440fxChipset::map_ide(unsigned n, bool decoded) {
    const auto base = [decoded](IoPort port) { return decoded ? std::optional<u64>(port) : std::nullopt; };
    ide_command_[n].move(base(kIdeCommand[n]));
    ide_control_[n].move(base(kIdeControl[n]));
}

void I440fxChipset::leave_as_firmware_does() {
    host_bridge_.set_all_pam(true, true);
    power_.set_pm_base(kPmBase);
    ide_.enable();
    for (unsigned pirq = 0; pirq < std::size(kPirqRoutes); ++pirq) isa_bridge_.route(pirq, kPirqRoutes[pirq]);
}

u16 I440fxChipset::pm_base() const {
    return power_.pm_base().value_or(kPmBase);
}

}  // namespace twin86::pc
