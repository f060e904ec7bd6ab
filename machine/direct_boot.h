// Direct boot: what -kernel, -initrd and -append put into guest RAM in place of firmware.
#pragma once

#include "bios/acpi_config.h"
#include "bios/boot_screen.h"
#include "bios/boot_plan.h"
#include "machine/options.h"
#include "mmu/phys_map.h"

namespace twin86 {

/// The ACPI description of the PC with so much RAM below 4 GiB and these serial ports.
AcpiConfig acpi_config(u64 low_ram, bool has_com1, bool has_com2, bool has_vga);

/// The ports of a power management block that firmware has moved.
void set_pm_base(AcpiConfig& config, u16 base);

/// Places the ACPI tables, the kernel and its companions. Reads the files again at each call, so that a reset starts
/// from what is on disk.
Result<BootPlan> load_direct_boot(const Options& options, const AcpiConfig& acpi, const BootScreen& screen,
                                  PhysMap& phys);

}  // namespace twin86
