// The register values of IBM's standard modes, as firmware sets them. IBM, "Video Subsystem", "Programming
// considerations", and the BIOS interface's INT 10h, AH = 00h.
#pragma once

#include <optional>
#include <span>

#include "devices/display/vga_registers.h"

namespace twin86 {

struct StandardMode {
    u8 number;
    u8 misc_output;
    std::array<u8, VgaRegisters::kSequencer> sequencer;
    std::array<u8, VgaRegisters::kCrtc> crtc;
    std::array<u8, VgaRegisters::kGraphics> graphics;
    std::array<u8, VgaRegisters::kAttribute> attribute;
};

/// BIOS modes 03h (80x25 text), 04h and 06h (CGA), 0Dh and 12h (16 colours), 13h (256 colours); null: another number.
const StandardMode* find_standard_mode(u8 number);

/// Puts the mode into the registers, with the DAC's colours, and switches the display on. The memory stays.
void set_standard_mode(VgaRegisters& r, const StandardMode& mode);

/// An 8x16 font of 256 characters: character c has its rows at c * 16.
using FontBytes = std::span<const u8>;
constexpr unsigned kFontHeight = 16;
constexpr std::size_t kFontBytes = 256 * kFontHeight;

/// Finds the 8x16 font in a VGA BIOS, which has IBM's character set: by its second character, the smiling face.
std::optional<FontBytes> find_font(std::span<const u8> rom);

/// Puts a font where a text mode looks for font 0: plane 2 of the memory.
void load_font(std::span<u8> memory, FontBytes font);

/// Blanks 80x25 cells of text memory: spaces in grey on black.
void clear_text(std::span<u8> memory);

}  // namespace twin86
