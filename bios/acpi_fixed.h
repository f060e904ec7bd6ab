// The ACPI tables that hold plain fields. ACPI 6.4, 5.2; IA-PC HPET 1.0a, 3.2.4; Windows ACPI Emulated Devices
// Table 1.0.
#pragma once

#include <string_view>
#include <vector>

#include "base/types.h"
#include "bios/acpi_config.h"

namespace twin86 {

/// One table with its header; the checksum is open, pointers hold offsets into the image.
struct AcpiTable {
    struct Pointer {
        u64 offset;
        unsigned size;
    };
    std::vector<u8> bytes;
    std::vector<Pointer> pointers;
};

/// Header (5.2.6) and body.
AcpiTable acpi_table(std::string_view signature, u8 revision, const std::vector<u8>& body);

std::vector<u8> build_rsdp(u64 rsdt, u64 xsdt);
std::vector<u8> build_facs();
AcpiTable build_root_table(std::string_view signature, unsigned entry_size, const std::vector<u64>& tables);
AcpiTable build_fadt(const AcpiConfig& config, u64 facs, u64 dsdt);
AcpiTable build_madt(const AcpiConfig& config);
AcpiTable build_hpet(const AcpiConfig& config);
AcpiTable build_waet();

}  // namespace twin86
