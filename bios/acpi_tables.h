// The ACPI tables as one relocatable image: for direct boot it is placed here, with firmware the table loader does
// that.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "bios/acpi_config.h"
#include "bios/boot_memory.h"
#include "bios/memory_map.h"

namespace twin86 {

/// Which part of the image a patch lies in.
enum class AcpiPart { kTables, kRsdp };

/// `size` bytes at `offset` hold an offset into the tables, to which the tables' address is to be added.
struct AcpiPointer {
    AcpiPart part;
    u64 offset;
    unsigned size;
};

/// The byte at `at` makes the sum over [start, start + length) zero; to be set after the pointers.
struct AcpiChecksum {
    AcpiPart part;
    u64 start, length, at;
};

struct AcpiImage {
    std::vector<u8> tables;  ///< wants page alignment; the first page holds the FACS, which is not a table to reclaim
    std::vector<u8> rsdp;
    std::vector<AcpiPointer> pointers;
    std::vector<AcpiChecksum> checksums;

    /// Adds the address to every pointer and computes every checksum. Once.
    void relocate(Gpa tables_address);

    std::vector<u8>& part(AcpiPart p) { return p == AcpiPart::kTables ? tables : rsdp; }
};

/// RSDP (revision 2), RSDT, XSDT, FADT, FACS, DSDT, MADT, HPET, MCFG, WAET; checksums and addresses open.
AcpiImage build_acpi_image(const AcpiConfig& config);

struct AcpiPlacement {
    Gpa rsdp = 0;
    MemoryMap ranges;  ///< for pc_memory_map()
};

/// Writes the tables to the top of low RAM and the RSDP to the BIOS area, where scans find it.
Result<AcpiPlacement> place_acpi_tables(const AcpiConfig& config, BootMemory& memory);

}  // namespace twin86
