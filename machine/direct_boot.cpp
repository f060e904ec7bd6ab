#include "machine/direct_boot.h"

#include "bios/acpi_tables.h"
#include "bios/kernel_loader.h"
#include "devices/timer/acpi_pm.h"
#include "machine/pc/layout.h"

namespace twin86 {

namespace {

/// Guest RAM as the loaders see it.
class LoaderMemory : public BootMemory {
  public:
    explicit LoaderMemory(PhysMap& phys) : phys_(phys) {}
    u64 low_size() const override { return phys_.low_size(); }
    u64 high_size() const override { return phys_.high_size(); }
    bool write(Gpa address, std::span<const u8> from) override { return phys_.dma_write(address, from); }
    bool read(Gpa address, std::span<u8> to) override { return phys_.dma_read(address, to); }

  private:
    PhysMap& phys_;
};

}  // namespace

void place_chipset(AcpiConfig& c, MachineType type, u16 base, pc::EcamPlace ecam) {
    const AcpiPmLayout& layout = type == MachineType::kQ35 ? kIch9PmLayout : kPiix4PmLayout;
    c.pm1a_event = base + AcpiPm::kPm1Event;
    c.pm1a_control = base + AcpiPm::kPm1Control;
    c.pm_timer = base + AcpiPm::kPmTimer;
    c.gpe0 = base + layout.gpe0;
    c.gpe0_length = layout.gpe0_bytes;
    c.pm_end = base + layout.block_size;
    c.ecam_base = static_cast<u32>(ecam.base);
    c.ecam_buses = ecam.buses;
}

AcpiConfig acpi_config(MachineType type, u64 low_ram, bool has_com1, bool has_com2, bool has_vga) {
    AcpiConfig c;
    const bool q35 = type == MachineType::kQ35;
    place_chipset(c, type, pc::kPmBase, q35 ? pc::EcamPlace{pc::kEcamBase, pc::kEcamBuses} : pc::EcamPlace{});
    if (q35) c.root_complex_base = static_cast<u32>(pc::kRootComplexBase);
    c.smi_command = pc::kSmiCommand;
    c.acpi_enable = AcpiPm::kAcpiEnable;
    c.acpi_disable = AcpiPm::kAcpiDisable;
    c.has_8042 = true;
    c.has_com1 = has_com1;
    c.has_com2 = has_com2;
    c.has_vga = has_vga;
    c.pci_window_first = static_cast<u32>(pc::pci_memory_first(type, low_ram));
    c.pci_window_last = static_cast<u32>(pc::kPciMemoryLast);
    return c;
}

Result<BootPlan> load_direct_boot(const Options& options, const AcpiConfig& acpi, const SmbiosConfig& smbios,
                                  const BootScreen& screen, PhysMap& phys) {
    LoaderMemory memory(phys);
    auto tables = place_acpi_tables(acpi, memory);
    if (!tables) return tables.failure();
    if (const Status s = place_smbios(smbios, memory); !s) return s.failure();
    BootRequest request;
    request.kernel = options.kernel;
    request.initrd = options.initrd;
    request.cmdline = options.append;
    request.memory_map = pc_memory_map(phys.low_size(), phys.high_size(), tables->ranges);
    if (acpi.is_q35()) reserve(request.memory_map, {acpi.ecam_base, acpi.ecam_bytes(), MemoryType::kReserved});
    request.rsdp = tables->rsdp;
    request.screen = screen;
    return load_kernel(request, memory);
}

}  // namespace twin86
