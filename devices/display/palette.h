// Colours as the attribute controller and the DAC make them.
#pragma once

#include <array>

#include "devices/display/vga_registers.h"

namespace twin86 {

/// All 256 entries of the DAC as 0x00RRGGBB; components have 8 bits or 6.
std::array<u32, 256> dac_colours(const VgaRegisters& r, bool dac_8_bit);

/// The DAC index of a four-bit attribute (plane enable, palette registers, colour select).
u8 attribute_to_dac(const VgaRegisters& r, u8 attribute);

/// The colours of the sixteen attributes.
std::array<u32, 16> attribute_colours(const VgaRegisters& r, const std::array<u32, 256>& dac);

}  // namespace twin86
