// What the monitor says of itself. VESA Enhanced EDID Standard, release A revision 2 (EDID 1.4).
#pragma once

#include <array>

#include "base/types.h"

namespace twin86 {

/// One 128-byte block: a digital RGB monitor that likes `width` x `height` (at most 4095 each) at 60 Hz best, and takes
/// the usual smaller modes.
std::array<u8, 128> make_edid(unsigned width, unsigned height);

}  // namespace twin86
