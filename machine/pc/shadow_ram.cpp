#include "machine/pc/shadow_ram.h"

#include "machine/pc/layout.h"

namespace twin86::pc {

void ShadowRam::show(Gpa base, u64 size, Backing wanted, Backing& shown) {
    if (shown == wanted) return;
    phys_.remap(base, size, wanted);
    shown = wanted;
}

/// Segments that read ROM and write RAM, which firmware needs only where its ROM has no second address, show the ROM.
void ShadowRam::update(const PamHostBridge& bridge) {
    for (unsigned n = 0; n < PamHostBridge::kPamSegments; ++n) {
        const PamSegment s = bridge.pam_segment(n);
        const Backing ram = s.write_ram ? Backing::kRam : Backing::kRamReadOnly;
        show(s.base, s.size, s.read_ram ? ram : Backing::kRom, segments_[n]);
    }
    show(kVideoHole, kVideoHoleSize, bridge.smram_in_video_hole() ? Backing::kRam : Backing::kMmio, video_hole_);
}

}  // namespace twin86::pc
