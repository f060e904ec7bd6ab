// One line of a VBE frame buffer with 8, 15, 16, 24 or 32 bits for each pixel.
#pragma once

#include <array>
#include <span>

#include "devices/display/screen_geometry.h"

namespace twin86 {

/// Writes g.width pixels of line y; what lies beyond the memory is black.
void scan_linear_line(const ScreenGeometry& g, std::span<const u8> memory, const std::array<u32, 256>& dac, unsigned y,
                      u32* to);

/// The bytes of memory that line y shows: [first, second), within the memory.
std::pair<u64, u64> linear_line_bytes(const ScreenGeometry& g, u64 memory_bytes, unsigned y);

}  // namespace twin86
