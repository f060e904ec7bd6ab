// What ACPI says about PCI Express: PCI Firmware Specification 3.2, 4.1.2 (MCFG) and 4.5 (_OSC).
#pragma once

#include "bios/acpi_config.h"
#include "bios/acpi_fixed.h"
#include "bios/aml.h"

namespace twin86 {

/// In the host bridge's device: _OSC, which leaves all of PCI Express to the operating system.
aml::Code express_control();
/// Where the memory of configuration space is.
AcpiTable build_mcfg(const AcpiConfig& config);

}  // namespace twin86
