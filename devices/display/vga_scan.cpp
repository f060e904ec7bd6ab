#include "devices/display/vga_scan.h"

#include <algorithm>
#include <cstring>

namespace twin86 {

VgaScan::VgaScan(const VgaRegisters& r, const ScreenGeometry& g, std::span<const u8> memory,
                 const std::array<u32, 256>& dac, BlinkPhase blink)
    : r_(r), g_(g), memory_(memory), dac_(dac), colours_(attribute_colours(r, dac)), blink_(blink) {}

u32 VgaScan::plane_address(u64 counter, unsigned scan) const {
    if (g_.wide_addresses) return static_cast<u32>(counter);
    const u8 mode = r_.crtc[0x17];
    const u32 c = static_cast<u32>(counter) & 0xffff;
    u32 address = c;
    if ((r_.crtc[0x14] & 0x40) != 0)
        address = c << 2 | (c >> 12 & 3);
    else if ((mode & 0x40) == 0)
        address = c << 1 | (c >> ((mode & 0x20) != 0 ? 15 : 13) & 1);
    if ((mode & 0x01) == 0) address = (address & ~0x2000u) | (scan & 1) << 13;
    if ((mode & 0x02) == 0) address = (address & ~0x4000u) | (scan >> 1 & 1) << 14;
    return address & 0xffff;
}

VgaScan::Row VgaScan::row_of(unsigned y) const {
    const bool split = y > g_.line_compare;
    const unsigned in_part = split ? y - g_.line_compare - 1 : y;
    const unsigned preset = split ? 0 : r_.crtc[0x08] & 0x1f;
    // Graphics modes without scan lines in the address have one row for each logical line.
    const bool rows_have_lines = g_.kind == ScreenKind::kText || (r_.crtc[0x17] & 0x03) != 0x03;
    const unsigned height = g_.wide_addresses || !rows_have_lines ? 1 : r_.character_height();
    const unsigned lines = in_part + (height > 1 ? preset : 0);
    return {(split ? 0 : g_.start) + lines / height * g_.row_step, lines % height, split};
}

/// Dots by which the line is shifted to the left. With nine-dot characters 8 means none and 0 to 7 mean one more.
unsigned VgaScan::panning(const Row& row) const {
    if (g_.wide_addresses || (row.split && (r_.attribute[0x10] & 0x20) != 0)) return 0;
    const unsigned pan = r_.attribute[0x13] & 0x0f;
    if (g_.character_width == 9) return pan >= 8 ? 0 : pan + 1;
    if (g_.character_width == 4) return pan >> 1 & 3;
    return pan & 7;
}

void VgaScan::line(unsigned y, u32* to) const {
    const Row row = row_of(y);
    const unsigned pan = panning(row), width = g_.character_width;
    std::array<u32, 9> cell;
    unsigned done = 0;
    for (unsigned column = 0; done < g_.width; ++column) {
        if (g_.kind == ScreenKind::kText)
            text_cell(row, column, cell.data());
        else
            graphics_cell(row, column, cell.data());
        const unsigned skip = column == 0 ? pan : 0;
        const unsigned count = std::min(width - skip, g_.width - done);
        std::copy_n(cell.data() + skip, count, to + done);
        done += count;
    }
}

// --- text
// --------------------------------------------------------------------------------------------------------------

/// Plane 2 holds eight fonts of 256 characters with 32 bytes each; attribute bit 3 chooses between two of them.
u8 VgaScan::glyph_row(u8 character, u8 attribute, unsigned scan) const {
    const u8 select = r_.sequencer[3];
    const unsigned font =
        (attribute & 0x08) != 0 ? (select >> 2 & 3u) | (select >> 3 & 4u) : (select & 3u) | (select >> 2 & 4u);
    const u32 base = (font & 3) << 14 | (font & 4) << 11;
    return group(base + character * 32u + scan)[2];
}

bool VgaScan::cursor_at(u64 counter, unsigned scan) const {
    const u8 start = r_.crtc[0x0a], end = r_.crtc[0x0b];
    return blink_.cursor_shown && (start & 0x20) == 0 && (counter & 0xffff) == r_.cursor_address() &&
           scan >= (start & 0x1fu) && scan <= (end & 0x1fu);
}

void VgaScan::text_cell(const Row& row, unsigned column, u32* to) const {
    const u64 counter = row.counter + column;
    const u8* const bytes = group(plane_address(counter, row.scan));
    const u8 character = bytes[0], attribute = bytes[1];
    u8 bits = glyph_row(character, attribute, row.scan);
    const bool blinks = (r_.attribute[0x10] & 0x08) != 0;
    const bool mono = (r_.attribute[0x10] & 0x02) != 0;
    bool ninth = (r_.attribute[0x10] & 0x04) != 0 && character >= 0xc0 && character <= 0xdf && (bits & 1) != 0;
    if (blinks && (attribute & 0x80) != 0 && !blink_.text_shown) bits = 0, ninth = false;
    if (mono && (attribute & 0x07) == 1 && row.scan == (r_.crtc[0x14] & 0x1fu)) bits = 0xff, ninth = true;
    if (cursor_at(counter, row.scan)) bits = 0xff, ninth = true;
    const u32 foreground = colours_[attribute & 0x0f];
    const u32 background = colours_[blinks ? attribute >> 4 & 7 : attribute >> 4];
    for (unsigned x = 0; x < 8; ++x) to[x] = (bits >> (7 - x) & 1) != 0 ? foreground : background;
    to[8] = ninth ? foreground : background;
}

// --- graphics
// ----------------------------------------------------------------------------------------------------------

/// The shift registers run in one of three ways: a byte of 256 colours for each plane, pairs of bits (CGA), or one bit
/// of each plane.
void VgaScan::graphics_cell(const Row& row, unsigned column, u32* to) const {
    const u8* const p = group(plane_address(row.counter + column, row.scan));
    const u8 mode = g_.wide_addresses ? 0 : r_.graphics[5];
    if ((mode & 0x40) != 0) {
        for (unsigned x = 0; x < 4; ++x) to[x] = dac_[p[x]];
        return;
    }
    for (unsigned x = 0; x < 8; ++x) {
        unsigned colour;
        if ((mode & 0x20) != 0) {
            const unsigned pair = x / 4, shift = 6 - 2 * (x % 4);
            colour = (p[pair] >> shift & 3u) | (p[pair + 2] >> shift & 3u) << 2;
        } else {
            const unsigned shift = 7 - x;
            colour = (p[0] >> shift & 1u) | (p[1] >> shift & 1u) << 1 | (p[2] >> shift & 1u) << 2 |
                     (p[3] >> shift & 1u) << 3;
        }
        to[x] = colours_[colour];
    }
}

}  // namespace twin86
