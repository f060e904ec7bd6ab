// What the registers make of the screen: kind of picture, size in pixels, where rows begin.
#pragma once

#include "devices/display/vbe_registers.h"
#include "devices/display/vga_registers.h"

namespace twin86 {

enum class ScreenKind : u8 {
    kBlank,   ///< switched off, or registers that make no picture
    kText,    ///< characters and attributes
    kPlanar,  ///< VGA graphics of whatever kind: shift registers behind four planes
    kLinear,  ///< VBE with 8 bits and more for each pixel
};

/// In logical pixels: lines and dots that the hardware only repeats count once, so mode 13h is 320x200.
struct ScreenGeometry {
    ScreenKind kind = ScreenKind::kBlank;
    unsigned width = 0, height = 0;

    // VGA.
    unsigned columns = 0;          ///< character clocks in a line
    unsigned character_width = 8;  ///< logical pixels in a character clock
    unsigned line_repeat = 1;      ///< scan lines for each logical line
    unsigned line_compare = ~0u;   ///< in logical lines: below it address counting starts again at 0
    u64 start = 0, row_step = 0;   ///< address counter of the first row, and from one row to the next
    bool wide_addresses = false;   ///< VBE planar: addresses beyond 64 KiB

    // Linear.
    unsigned depth = 0;
    u64 start_byte = 0, line_bytes = 0;

    bool operator==(const ScreenGeometry&) const = default;
};

ScreenGeometry screen_geometry(const VgaRegisters& r, const VbeRegisters& vbe);

}  // namespace twin86
