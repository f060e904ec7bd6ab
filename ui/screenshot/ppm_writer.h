// A picture of the guest's screen as a PPM file (netpbm's P6).
#pragma once

#include <string>

#include "base/result.h"
#include "devices/display/surface.h"

namespace twin86 {

/// Writes the whole surface; an existing file is replaced.
Status write_ppm(const Surface& surface, const std::string& path);

}  // namespace twin86
