// Reads characters off a graphical screen: cells that look like a glyph of a font, 8 pixels wide.
#pragma once

#include <array>
#include <string>
#include <unordered_map>
#include <vector>

#include "devices/display/standard_modes.h"
#include "devices/display/surface.h"
#include "devices/display/uefi_font.h"

namespace twin86 {

class GlyphReader {
  public:
    static constexpr unsigned kWidth = 8, kMostHeight = 19;

    struct Reading {
        std::vector<std::string> rows;
        unsigned letters = 0;
    };

    explicit GlyphReader(FontBytes font);
    explicit GlyphReader(const UefiFont& font);

    /// Rows of the grid that starts at the left edge and at the height where it shows most letters (text of 25 rows may
    /// stand in the middle of the screen), as UTF-8 without blanks at their ends. What is no glyph in two colours reads
    /// as a blank; a few pixels more or less do not matter, because fonts differ in details.
    Reading read(const Surface& surface) const;

  private:
    using Glyph = std::array<u8, kMostHeight>;
    struct Hash {
        std::size_t operator()(const Glyph& g) const;
    };
    static constexpr unsigned kTolerance = 4;  ///< pixels of a cell

    void add(const Glyph& glyph, u8 character);
    Reading read_from(const Surface& surface, unsigned top) const;
    u8 character_at(const Surface& surface, unsigned x, unsigned y) const;
    u8 nearest(const Glyph& glyph) const;
    u8 look_up(const Glyph& glyph) const;

    unsigned height_;
    std::vector<std::pair<Glyph, u8>> letters_;  // ASCII, for comparison
    std::unordered_map<Glyph, u8, Hash> exact_;
    mutable std::unordered_map<Glyph, u8, Hash> seen_;  // what nearest() said before
};

}  // namespace twin86
