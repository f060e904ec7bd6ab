// One line of a VGA text or graphics mode: address counter, planes, shift registers, attribute controller. IBM, "Video
// Subsystem", "CRT controller" and "Video graphics array modes".
#pragma once

#include <span>

#include "devices/display/palette.h"
#include "devices/display/screen_geometry.h"

namespace twin86 {

/// Phases of what blinks: 16 frames for the cursor, 32 for characters.
struct BlinkPhase {
    bool cursor_shown = true;
    bool text_shown = true;
    bool operator==(const BlinkPhase&) const = default;
};

class VgaScan {
  public:
    /// `memory` with interleaved planes; all arguments outlive the object.
    VgaScan(const VgaRegisters& r, const ScreenGeometry& g, std::span<const u8> memory, const std::array<u32, 256>& dac,
            BlinkPhase blink);

    /// Writes g.width pixels of logical line y.
    void line(unsigned y, u32* to) const;

    /// The address in a plane that the address counter shows in this scan line of a row.
    u32 plane_address(u64 counter, unsigned scan) const;

    /// Which row of characters (or of pixels) a line belongs to.
    struct Row {
        u64 counter;    ///< of its first column
        unsigned scan;  ///< line within the row
        bool split;     ///< below the line compare
    };
    Row row_of(unsigned y) const;

  private:
    static constexpr unsigned kMaxColumns = 2048 + 1;

    const u8* group(u32 address) const { return memory_.data() + (std::size_t{address} * 4) % memory_.size(); }
    unsigned panning(const Row& row) const;
    void text_cell(const Row& row, unsigned column, u32* to) const;
    u8 glyph_row(u8 character, u8 attribute, unsigned scan) const;
    bool cursor_at(u64 counter, unsigned scan) const;
    void graphics_cell(const Row& row, unsigned column, u32* to) const;

    const VgaRegisters& r_;
    const ScreenGeometry& g_;
    std::span<const u8> memory_;
    const std::array<u32, 256>& dac_;
    std::array<u32, 16> colours_;
    BlinkPhase blink_;
};

}  // namespace twin86
