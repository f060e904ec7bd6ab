// What is on the screen when a kernel is entered without firmware.
#pragma once

#include <optional>
#include <string_view>

#include "base/types.h"

namespace twin86 {

struct BootScreen {
    enum class Kind {
        kNone,    ///< no display adapter
        kText,    ///< VGA mode 3, 80x25 characters
        kLinear,  ///< a frame buffer
    } kind = Kind::kNone;
    // kLinear.
    Gpa base = 0;
    u64 memory_bytes = 0;
    unsigned width = 0, height = 0, depth = 0, line_bytes = 0;
};

struct VideoMode {
    unsigned width, height, depth;
};

/// The frame buffer mode that the last "vga=" asks for (boot.rst, "Special Command Line Options"): VBE mode numbers
/// plus 0x200 as Linux has them, decimal or hexadecimal. No value: a text mode, or none that we know.
std::optional<VideoMode> linux_video_mode(std::string_view cmdline);

}  // namespace twin86
