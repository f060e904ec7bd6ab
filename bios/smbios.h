// SMBIOS tables: what the machine is, in words for people. DMTF DSP0134, version 2.8.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bios/boot_memory.h"
#include "bios/table_loader.h"

namespace twin86 {

/// What the user has said instead of the machine's own words.
struct SmbiosWords {
    std::map<std::pair<u8, std::string>, std::string> text;  ///< by type of structure and QEMU's name of the field
    std::vector<std::string> oem;                            ///< type 11
    std::vector<std::vector<u8>> structures;                 ///< whole ones, in place of the machine's of that type

    bool has(u8 type) const;
    std::string get(u8 type, const std::string& field, const std::string& otherwise = "") const;
    u64 number(u8 type, const std::string& field, u64 otherwise) const;
};

/// Whether bytes are one structure with its strings (6.1.2, 6.1.3).
bool is_smbios_structure(const std::vector<u8>& bytes);

using Uuid = std::array<u8, 16>;  ///< in the order in which it is written

struct SmbiosConfig {
    u64 low_ram = 0, high_ram = 0;
    unsigned cpus = 1;
    std::string cpu_vendor, cpu_name;
    u32 cpu_signature = 0;  ///< CPUID leaf 1, EAX
    u32 cpu_features = 0;   ///< CPUID leaf 1, EDX
    std::string version;    ///< of the emulator
    std::string product = "Standard PC (i440FX + PIIX, 1996)";
    std::optional<Uuid> uuid;
    SmbiosWords words;
};

/// etc/smbios/smbios-tables and etc/smbios/smbios-anchor; the tables' address and the anchor's checksums are open for
/// firmware to fill in. Without words for it there is no type 0: firmware describes itself.
std::vector<FirmwareFile> smbios_firmware_files(const SmbiosConfig& config);

/// Writes both to the BIOS area, where an operating system that no firmware has started looks for them.
Status place_smbios(const SmbiosConfig& config, BootMemory& memory);

}  // namespace twin86
