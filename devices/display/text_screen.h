// The characters on a VGA text screen.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "devices/display/vga_renderer.h"

namespace twin86 {

/// Code page 437, the VGA's character set, as UTF-8.
std::string_view cp437_to_utf8(u8 character);

/// Rows from top to bottom as UTF-8, without blanks at their ends. Empty when the screen is not in a text mode.
std::vector<std::string> text_mode_rows(const VgaFrame& frame, std::span<const u8> memory);

}  // namespace twin86
