#include "machine/pc/q35_chipset.h"

#include "machine/pc/layout.h"

namespace twin86::pc {
namespace {

constexpr u8 kHostBridge = pci_devfn(0, 0), kLpc = pci_devfn(31, 0), kSata = pci_devfn(31, 2),
             kSmbus = pci_devfn(31, 3);

}  // namespace

Q35Chipset::Q35Chipset(const ChipsetWiring& to)
    : shadow_(to.phys),
      extended_smram_(to.phys, to.mmio, [this] { host_bridge_.set_smram_error(); }),
      space_(to.io, to.mmio,
             {{kVideoHole, kVideoHole + kVideoHoleSize - 1},
              {pci_memory_first(MachineType::kQ35, to.low_ram), kPciMemoryLast},
              {kRootComplexBase, kRootComplexBase + Ich9ChipsetRegisters::kWindowBytes - 1}},
             &to.log),
      pm_(to.acpi_pm),
      registers_([this] { bus_.reroute(); }),
      lpc_(
          to.gsi.add_driver(), [this](auto base) { pm_ports_.move(base); },
          [this](auto base) { registers_memory_.move(base); }),
      bus_(space_, lpc_.pirq_inputs(), [this](unsigned slot, unsigned pin) { return registers_.pirq(slot, pin); }),
      config_ports_(bus_, &to.reset_control),
      ecam_(bus_),
      host_bridge_([this] { show_memory(); }, [this](auto window) { move_ecam(window); }),
      sata_("sata", to.phys, to.log),
      ecam_memory_(space_, kEcamBuses * PciEcam::kBytesPerBus, ecam_, "ecam"),
      registers_memory_(space_, Ich9ChipsetRegisters::kWindowBytes, registers_, "rcrb"),
      pm_ports_(space_, to.acpi_pm.layout().block_size, pm_, "acpi-pm") {
    mappings_.push_back(bus_.attach(kHostBridge, host_bridge_));
    mappings_.push_back(bus_.attach(kLpc, lpc_));
    mappings_.push_back(bus_.attach(kSata, sata_));
    mappings_.push_back(bus_.attach(kSmbus, smbus_));
    mappings_.push_back(
        to.io.map(PciConfigPorts::kPort, PciConfigPorts::kPorts, config_ports_, "pci-config", IoBus::kAll));
    show_memory();
}

std::vector<Device*> Q35Chipset::devices() {
    return {&bus_, &config_ports_, &registers_, &pm_, &host_bridge_, &lpc_, &sata_, &smbus_};
}

void Q35Chipset::show_memory() {
    shadow_.update(host_bridge_);
    extended_smram_.update(host_bridge_);
}

void Q35Chipset::move_ecam(std::optional<Q35HostBridge::Ecam> to) {
    if (!to) return ecam_memory_.move(std::nullopt);
    ecam_memory_.resize(to->size);
    ecam_memory_.move(to->base);
}

void Q35Chipset::leave_as_firmware_does() {
    host_bridge_.set_all_pam(true, true);
    host_bridge_.set_ecam(kEcamBase);
    lpc_.set_pm_base(kPmBase);
    lpc_.set_root_complex_base(static_cast<u32>(kRootComplexBase));
    for (unsigned pirq = 0; pirq < Ich9LpcBridge::kPirqs; ++pirq)
        lpc_.route(pirq, kPirqRoutes[pirq % std::size(kPirqRoutes)]);
}

u16 Q35Chipset::pm_base() const {
    return static_cast<u16>(lpc_.pm_base().value_or(kPmBase));
}

EcamPlace Q35Chipset::ecam() const {
    const auto base = ecam_memory_.base();
    if (!base) return {kEcamBase, kEcamBuses};
    return {*base, static_cast<unsigned>(ecam_memory_.size() / PciEcam::kBytesPerBus)};
}

}  // namespace twin86::pc
