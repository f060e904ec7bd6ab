// Boot through firmware: its image into the address space, and what fw_cfg tells it about the machine.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bios/acpi_config.h"
#include "cpu/state/cpuid_model.h"
#include "devices/firmware/fw_cfg.h"
#include "machine/options.h"
#include "mmu/phys_map.h"

namespace twin86 {

/// Reads the image that -bios names, or the system's SeaBIOS when the name is empty. A name without a slash that is no
/// file here is looked for where Debian's packages put firmware.
Result<std::vector<u8>> load_firmware(const std::string& name);

/// Shows the image below 4 GiB, where the reset vector is, and its last 128 KiB below 1 MiB.
Status map_firmware(PhysMap& phys, std::span<const u8> image);

/// The items and files that SeaBIOS and OVMF read.
/// `acpi` is asked whenever firmware reads the tables: it may have moved the power management ports.
void fill_fw_cfg(FwCfg& fw_cfg, const Options& options, const PhysMap& phys, const CpuModel& cpu,
                 std::function<AcpiConfig()> acpi);

}  // namespace twin86
