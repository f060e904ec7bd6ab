// The part of the DSDT that says how PCI interrupts reach interrupt controllers: routing registers, links, _PRT.
#pragma once

#include "bios/acpi_config.h"
#include "bios/aml.h"

namespace twin86 {

/// In the ISA bridge's device: its routing registers as fields.
aml::Code pirq_registers(const AcpiConfig& config);
/// In the host bridge's device: _PRT.
aml::Code interrupt_routing(const AcpiConfig& config);
/// In \_SB: the link devices LNKA and on.
aml::Code interrupt_links(const AcpiConfig& config);
/// At the root: _PIC, by which the operating system says that it uses I/O APICs. Nothing where that makes no
/// difference.
aml::Code interrupt_model(const AcpiConfig& config);

}  // namespace twin86
