// Power management function of the PIIX4: Intel 82371AB (290562), section 7.1. The registers at PMBASE are the
// machine's.
#pragma once

#include "devices/pci/pci_device.h"

namespace twin86 {

class Piix4Power : public PciDevice {
  public:
    static constexpr u16 kPmPorts = 0x40, kSmbusPorts = 0x10;

    /// Called with the ports' base when they are decoded or moved, and with nothing when they are disabled.
    using OnMove = std::function<void(std::optional<u16> base)>;

    explicit Piix4Power(OnMove on_pm_base = {}, OnMove on_smbus_base = {});

    std::optional<u16> pm_base() const;
    std::optional<u16> smbus_base() const;
    /// Programs and enables PMBASE as firmware would.
    void set_pm_base(u16 base);

    std::string_view name() const override { return "piix4-pm"; }
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

  protected:
    void config_written(u8 offset, unsigned size) override;

  private:
    void update();

    OnMove on_pm_base_, on_smbus_base_;
    std::optional<u16> told_pm_, told_smbus_;
};

}  // namespace twin86
