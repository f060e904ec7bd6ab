// Direct boot: what -kernel, -initrd and -append put into guest RAM in place of firmware.
#pragma once

#include "bios/acpi_config.h"
#include "bios/boot_plan.h"
#include "bios/boot_screen.h"
#include "bios/smbios.h"
#include "machine/options.h"
#include "machine/pc/chipset.h"
#include "mmu/phys_map.h"

namespace twin86 {

/// The ACPI description of the board with so much RAM below 4 GiB and these serial ports.
AcpiConfig acpi_config(MachineType type, u64 low_ram, bool has_com1, bool has_com2, bool has_vga);

/// Where firmware has put power management ports and configuration space.
void place_chipset(AcpiConfig& config, MachineType type, u16 pm_base, pc::EcamPlace ecam);

/// Places the ACPI and SMBIOS tables, the kernel and its companions. Reads the files again at each call, so that a reset starts
/// from what is on disk.
Result<BootPlan> load_direct_boot(const Options& options, const AcpiConfig& acpi, const SmbiosConfig& smbios,
                                  const BootScreen& screen, PhysMap& phys);

}  // namespace twin86
