// A picture of the guest's screen as a PNG file.
#pragma once

#include <string>

#include "base/result.h"
#include "devices/display/surface.h"

namespace twin86 {

/// Writes the whole surface as 8-bit RGB; an existing file is replaced.
Status write_png(const Surface& surface, const std::string& path);

}  // namespace twin86
