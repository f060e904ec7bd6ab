// ShadowRam: what a host bridge's PAM and SMRAM registers make of the area below 1 MiB.
#pragma once

#include <array>

#include "devices/pci/pam_host_bridge.h"
#include "mmu/phys_map.h"

namespace twin86::pc {

class ShadowRam {
  public:
    explicit ShadowRam(PhysMap& phys) : phys_(phys) {}
    /// Shows what the registers say.
    void update(const PamHostBridge& bridge);

  private:
    void show(Gpa base, u64 size, Backing wanted, Backing& shown);

    PhysMap& phys_;
    std::array<Backing, PamHostBridge::kPamSegments> segments_{};
    Backing video_hole_ = Backing::kRam;
};

}  // namespace twin86::pc
