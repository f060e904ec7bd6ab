// From registers and memory to pixels. render() is a pure function; Painter keeps a surface up to date and redraws what
// can have changed.
#pragma once

#include <span>
#include <vector>

#include "devices/display/surface.h"
#include "devices/display/vga_scan.h"

namespace twin86 {

/// Everything that a picture depends on but the memory.
struct VgaFrame {
    VgaRegisters registers;
    VbeRegisters vbe{0};
    BlinkPhase blink;

    ScreenGeometry geometry() const { return screen_geometry(registers, vbe); }
    /// Would the same memory look the same?
    bool looks_like(const VgaFrame& other) const;
};

/// What blinks at this virtual time, at 60 frames a second.
BlinkPhase blink_phase(u64 now_ns);

/// The whole picture. A screen that is off is black in the size of 720x400.
Surface render(const VgaFrame& frame, std::span<const u8> memory);

class Painter {
  public:
    /// What may have been written since the last update.
    struct Written {
        bool anywhere = true;
        std::vector<u64> pages;  ///< offsets of 4 KiB pages, for linear modes
    };

    /// Returns the lines whose pixels changed; all of them after a change of size.
    std::vector<LineRange> update(const VgaFrame& frame, std::span<const u8> memory, const Written& written);
    const Surface& surface() const { return surface_; }

  private:
    std::vector<bool> lines_to_draw(const Written& written, u64 memory_bytes) const;

    VgaFrame frame_;
    ScreenGeometry geometry_;
    Surface surface_;
    bool drawn_ = false;
};

}  // namespace twin86
