// SMBIOS tables: what the machine is, in words for people. DMTF DSP0134, version 2.8.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "bios/table_loader.h"

namespace twin86 {

struct SmbiosConfig {
    u64 low_ram = 0, high_ram = 0;
    unsigned cpus = 1;
    std::string cpu_vendor, cpu_name;
    u32 cpu_signature = 0;  ///< CPUID leaf 1, EAX
    u32 cpu_features = 0;   ///< CPUID leaf 1, EDX
    std::string version;    ///< of the emulator
};

/// etc/smbios/smbios-tables and etc/smbios/smbios-anchor; the tables' address and the anchor's checksums are open for
/// firmware to fill in. There is no type 0: firmware describes itself.
std::vector<FirmwareFile> smbios_firmware_files(const SmbiosConfig& config);

}  // namespace twin86
