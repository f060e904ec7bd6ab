// What Intel's host bridges have in common: the programmable attributes of 0xC0000-0xFFFFF (PAM) and SMRAM control.
#pragma once

#include <functional>

#include "devices/pci/pci_device.h"

namespace twin86 {

/// One piece of 0xC0000-0xFFFFF and where its accesses go: to RAM, or to what lies behind PCI (ROM).
struct PamSegment {
    Gpa base = 0;
    u64 size = 0;
    bool read_ram = false;
    bool write_ram = false;
};

class PamHostBridge : public PciDevice {
  public:
    static constexpr unsigned kPamSegments = 13;

    /// Segment 0 is 0xF0000-0xFFFFF, 1-12 are 16 KiB each from 0xC0000 on.
    PamSegment pam_segment(unsigned n) const;
    /// Sets all segments, as firmware or a loader that keeps tables there does.
    void set_all_pam(bool read_ram, bool write_ram);
    /// SMRAM shows outside SMM. Intel 290549 (82441FX), 3.2.21, table of SMRAM cycles.
    bool smram_open() const;
    /// And shows at 0xA0000-0xBFFFF, over the display's memory.
    bool smram_in_video_hole() const { return smram_open() && !high_smram(); }

    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

  protected:
    /// Bits of the SMRAM register.
    enum Smram : u8 { kDOpen = 0x40, kDClose = 0x20, kDLock = 0x10, kGlobalSmram = 0x08, kBaseSegment = 0x02 };
    struct Registers {
        u8 pam0, smram;             ///< offsets; PAM1 to PAM6 follow PAM0
        u8 writable_when_locked;  ///< of SMRAM, once D_LCK is set
    };

    /// An Intel host bridge with this device ID. `on_change` is called after a write to the registers and after a reset.
    PamHostBridge(u16 device_id, const Registers& registers, std::function<void()> on_change);

    bool smram_enabled() const { return (smram() & kGlobalSmram) != 0; }
    bool smram_locked() const { return (smram() & kDLock) != 0; }
    /// SMRAM is not at 0xA0000, but above 1 MiB.
    virtual bool high_smram() const { return false; }
    /// The registers hold something new: applies locks and tells.
    virtual void changed();

    void config_written(u8 offset, unsigned size) override;

  private:
    u8 smram() const { return static_cast<u8>(config_read(registers_.smram, 1)); }

    Registers registers_;
    u8 pam6_;
    std::function<void()> on_change_;
};

}  // namespace twin86
