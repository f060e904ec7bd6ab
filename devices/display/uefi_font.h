// The font of UEFI firmware: the narrow glyphs, 8x19, that its graphics console draws with. They lie in guest memory as a table
// of EFI_NARROW_GLYPH. UEFI Specification 2.10, 33.3.2 (simplified font).
#pragma once

#include <array>
#include <optional>
#include <span>

#include "base/types.h"

namespace twin86 {

constexpr unsigned kUefiGlyphHeight = 19;
/// Of the characters 0x20 to 0x7e.
using UefiFont = std::array<std::array<u8, kUefiGlyphHeight>, 0x7f - 0x20>;

/// Finds a table of narrow glyphs that has all of ASCII in turn.
std::optional<UefiFont> find_uefi_font(std::span<const u8> memory);

}  // namespace twin86
