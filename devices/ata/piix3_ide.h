// IDE function of the PIIX3: Intel 82371SB (290550), 2.3 (configuration registers) and 2.7 (bus master registers).
#pragma once

#include "devices/ata/ide_channel.h"
#include "devices/pci/pci_device.h"

namespace twin86 {

class Piix3Ide : public PciDevice, private IoHandler {
  public:
    static constexpr unsigned kChannels = 2;

    /// `on_decode` is told when a channel's legacy ports start or stop to answer.
    Piix3Ide(std::array<IrqLine, kChannels> irqs, DmaView& memory,
             std::function<void(unsigned channel, bool decoded)> on_decode);

    IdeChannel& channel(unsigned n) { return n == 0 ? primary_ : secondary_; }
    /// Turns both channels' ports on, as firmware would.
    void enable();

    std::string_view name() const override { return "piix3-ide"; }
    /// Channels are devices of their own.
    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

  protected:
    void config_written(u8 offset, unsigned size) override;

  private:
    u32 io_read(u16 offset, unsigned size) override;
    void io_write(u16 offset, unsigned size, u32 value) override;
    void update();

    IdeChannel primary_, secondary_;
    std::function<void(unsigned, bool)> on_decode_;
    std::array<bool, kChannels> decoded_{};
};

}  // namespace twin86
