// ExtendedSmram: what the Q35's SMRAM registers make of memory above 1 MiB: TSEG and high SMRAM.
#pragma once

#include <functional>
#include <optional>

#include "devices/pci/q35_host_bridge.h"
#include "mmu/phys_map.h"

namespace twin86::pc {

/// This processor has no system management mode: what is not open is hidden from everybody, reads as ones and drops
/// writes. Intel 316966, 3.6 "System management mode" and 5.1, SMRAM, ESMRAMC, TSEGMB.
class ExtendedSmram : private MmioHandler {
  public:
    /// `on_refused`: somebody has reached for what is hidden.
    ExtendedSmram(PhysMap& phys, MmioBus& mmio, std::function<void()> on_refused);
    /// Shows what the registers say.
    void update(const Q35HostBridge& bridge);

  private:
    enum class High : u8 { kNone, kHidden, kOpen };

    u64 mmio_read(u64 offset, unsigned size) override;
    void mmio_write(u64 offset, unsigned size, u64 value) override;
    void hide(std::optional<Q35HostBridge::Tseg> tseg);
    void show_high(High high);

    PhysMap& phys_;
    MmioBus& mmio_;
    std::function<void()> on_refused_;
    std::optional<Q35HostBridge::Tseg> hidden_;
    High high_ = High::kNone;
    Mapping tseg_mapping_, high_mapping_;
};

}  // namespace twin86::pc
