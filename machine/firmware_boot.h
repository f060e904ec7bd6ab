// Boot through firmware: its image into the address space, and what fw_cfg tells it about the machine.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bios/acpi_config.h"
#include "bios/smbios.h"
#include "cpu/state/cpuid_model.h"
#include "devices/firmware/fw_cfg.h"
#include "machine/options.h"
#include "machine/pc/flash_bank.h"
#include "mmu/phys_map.h"

namespace twin86 {

/// Reads the image that -bios names, or the system's SeaBIOS when the name is empty. A name without a slash that is no
/// file here is looked for in the folders of -L and where Debian's packages put firmware.
Result<std::vector<u8>> load_firmware(const std::string& name, const std::vector<std::string>& folders);

/// Does the image start as a firmware volume (UEFI PI 1.8, volume 3, 3.2.1)?
bool is_uefi_firmware(std::span<const u8> image);

/// The flash chips of if=pflash: the first ends at 4 GiB, the second below it.
Result<std::vector<std::unique_ptr<pc::FlashBank>>> plug_flash(const Options& options, PhysMap& phys, MmioBus& mmio,
                                                               DeferredWork& work, Log& log);

/// The last 128 KiB of an image, as read-only memory, where real mode starts.
Status show_below_1_mib(PhysMap& phys, std::span<const u8> image);

/// Shows the image below 4 GiB, where the reset vector is, and its last 128 KiB below 1 MiB.
Status map_firmware(PhysMap& phys, std::span<const u8> image);

/// -kernel, -initrd and -append for firmware that starts them: the items of fw_cfg. Nothing without firmware.
Status offer_kernel(FwCfg& fw_cfg, const Options& options);

/// -option-rom: fw_cfg's "genroms/" files.
Status offer_option_roms(FwCfg& fw_cfg, const Options& options);

/// -fw_cfg and -boot splash=: files, also without firmware.
Status offer_files(FwCfg& fw_cfg, const Options& options);

SmbiosConfig smbios_config(const Options& options, const PhysMap& phys, const CpuModel& cpu);

/// The items and files that SeaBIOS and OVMF read.
/// `acpi` is asked whenever firmware reads the tables: it may have moved the power management ports.
void fill_fw_cfg(FwCfg& fw_cfg, const Options& options, const PhysMap& phys, const CpuModel& cpu,
                 std::function<AcpiConfig()> acpi);

}  // namespace twin86
