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
    /// SMRAM: the video hole 0xA0000-0xBFFFF shows RAM outside SMM (D_OPEN).
    bool smram_open() const;

    void reset(ResetKind kind) override;
    void visit(StateArchive& archive) override;

  protected:
    /// An Intel host bridge with this device ID. `pam0` and `smram` are the registers' offsets, PAM1 to PAM6 follow PAM0. `on_change` is called after a write to
    /// them and after a reset.
    PamHostBridge(u16 device_id, u8 pam0, u8 smram, std::function<void()> on_change);

    void config_written(u8 offset, unsigned size) override;

  private:
    void changed();

    u8 pam0_, pam6_, smram_at_;
    std::function<void()> on_change_;
    u8 smram_ = 0;  // before the write in progress: D_LCK freezes D_OPEN
};

}  // namespace twin86
