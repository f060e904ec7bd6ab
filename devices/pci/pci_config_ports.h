// Configuration mechanism 1: CONFADD at 0xcf8, CONFDATA at 0xcfc. Intel 82441FX (290549), 3.1 and 3.2.
#pragma once

#include "devices/pci/pci_bus.h"

namespace twin86 {

/// To be mapped at 0xcf8, 8 ports, all sizes. Only a dword at 0xcf8 reaches CONFADD; narrower accesses pass on to what
/// lies under it, which is the reset control register at 0xcf9.
class PciConfigPorts : public Device, public IoHandler {
  public:
    static constexpr IoPort kPort = 0xcf8;
    static constexpr u32 kPorts = 8;

    PciConfigPorts(PciBus& bus, IoHandler* reset_control) : bus_(bus), reset_control_(reset_control) {}

    std::string_view name() const override { return "pci-config-ports"; }
    void reset(ResetKind kind) override { address_ = 0; }
    void visit(StateArchive& archive) override;
    u32 io_read(u16 offset, unsigned size) override;
    void io_write(u16 offset, unsigned size, u32 value) override;

  private:
    u32 read_data(u16 offset, unsigned size) const;
    void write_data(u16 offset, unsigned size, u32 value);

    PciBus& bus_;
    IoHandler* reset_control_;
    u32 address_ = 0;
};

}  // namespace twin86
