// Power management ports of the ICH9 at PMBASE: ACPI's fixed hardware and SMI control. Intel 316972, 13.8.3.
#pragma once

#include "devices/timer/acpi_pm.h"

namespace twin86 {

/// There is no SMM: what is asked of SMI_EN is kept, and nothing raises an SMI.
class Ich9Pm : public Device, public IoHandler {
  public:
    /// `acpi` has the ICH9's layout.
    explicit Ich9Pm(AcpiPm& acpi) : acpi_(acpi) {}

    std::string_view name() const override { return "ich9-pm"; }
    void reset(ResetKind) override { smi_enable_ = kApmcEnable; }
    void visit(StateArchive& archive) override;
    /// The block; byte, word and dword accesses.
    u32 io_read(u16 offset, unsigned size) override;
    void io_write(u16 offset, unsigned size, u32 value) override;

  private:
    /// Firmware takes it for 'an SMI handler is installed' and then installs none.
    static constexpr u32 kApmcEnable = 1 << 5;

    AcpiPm& acpi_;
    u32 smi_enable_ = kApmcEnable;
};

}  // namespace twin86
