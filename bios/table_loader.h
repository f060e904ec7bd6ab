// The files through which firmware gets its ACPI tables: the tables with open addresses, and the script by which
// firmware allocates, links and checksums them. QEMU's table-loader interface: 128-byte commands.
#pragma once

#include <string>
#include <vector>

#include "bios/acpi_tables.h"

namespace twin86 {

/// A file of the fw_cfg directory.
struct FirmwareFile {
    std::string name;
    std::vector<u8> content;
};

/// etc/acpi/tables, etc/acpi/rsdp and etc/table-loader.
std::vector<FirmwareFile> acpi_firmware_files(const AcpiConfig& config);

}  // namespace twin86
