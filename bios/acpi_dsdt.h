// The DSDT's definition block: what an operating system cannot find by probing.
#pragma once

#include "bios/acpi_config.h"
#include "bios/aml.h"

namespace twin86 {

aml::Code build_dsdt_body(const AcpiConfig& config);

}  // namespace twin86
