#include "devices/display/glyph_reader.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "devices/display/text_screen.h"

namespace twin86 {
namespace {

constexpr std::size_t kMaxSeen = 4096;  // pictures that are no text would fill it without end

struct Form {
    char character;
    std::array<u8, GlyphReader::kMostHeight> rows;
};

// IBM's forms for eight-dot cells, which consoles on frame buffers have, where the VGA BIOS has others for nine dots.
// clang-format off
constexpr Form kEightDotForms[] = {
    {'0', {0x00, 0x00, 0x38, 0x6c, 0xc6, 0xc6, 0xd6, 0xd6, 0xc6, 0xc6, 0x6c, 0x38}},
    {'M', {0x00, 0x00, 0xc6, 0xee, 0xfe, 0xfe, 0xd6, 0xc6, 0xc6, 0xc6, 0xc6, 0xc6}},
    {'T', {0x00, 0x00, 0x7e, 0x7e, 0x5a, 0x18, 0x18, 0x18, 0x18, 0x18, 0x18, 0x3c}},
    {'V', {0x00, 0x00, 0xc6, 0xc6, 0xc6, 0xc6, 0xc6, 0xc6, 0xc6, 0x6c, 0x38, 0x10}},
    {'W', {0x00, 0x00, 0xc6, 0xc6, 0xc6, 0xc6, 0xd6, 0xd6, 0xd6, 0xfe, 0xee, 0x6c}},
    {'X', {0x00, 0x00, 0xc6, 0xc6, 0x6c, 0x7c, 0x38, 0x38, 0x7c, 0x6c, 0xc6, 0xc6}},
    {'Y', {0x00, 0x00, 0x66, 0x66, 0x66, 0x66, 0x3c, 0x18, 0x18, 0x18, 0x18, 0x3c}},
    {'Z', {0x00, 0x00, 0xfe, 0xc6, 0x86, 0x0c, 0x18, 0x30, 0x60, 0xc2, 0xc6, 0xfe}},
    {'f', {0x00, 0x00, 0x1c, 0x36, 0x32, 0x30, 0x78, 0x30, 0x30, 0x30, 0x30, 0x78}},
    {'m', {0x00, 0x00, 0x00, 0x00, 0x00, 0xec, 0xfe, 0xd6, 0xd6, 0xd6, 0xd6, 0xc6}},
    {'v', {0x00, 0x00, 0x00, 0x00, 0x00, 0xc6, 0xc6, 0xc6, 0xc6, 0xc6, 0x6c, 0x38}},
    {'w', {0x00, 0x00, 0x00, 0x00, 0x00, 0xc6, 0xc6, 0xd6, 0xd6, 0xd6, 0xfe, 0x6c}},
    {'x', {0x00, 0x00, 0x00, 0x00, 0x00, 0xc6, 0x6c, 0x38, 0x38, 0x38, 0x6c, 0xc6}},
    {'~', {0x00, 0x76, 0xdc}},
};
// clang-format on

bool is_ascii(u8 character) { return character >= 0x20 && character < 0x7f; }

}  // namespace

std::size_t GlyphReader::Hash::operator()(const Glyph& g) const {
    return std::hash<std::string_view>()({reinterpret_cast<const char*>(g.data()), g.size()});
}

/// Some glyphs look the same (blanks, bars): the ASCII one counts.
GlyphReader::GlyphReader(FontBytes font) : height_(kFontHeight) {
    for (unsigned c = 0; c < 256; ++c) {
        Glyph glyph{};
        std::copy_n(font.begin() + c * kFontHeight, kFontHeight, glyph.begin());
        add(glyph, static_cast<u8>(c));
    }
    for (const Form& form : kEightDotForms) add(form.rows, static_cast<u8>(form.character));
}

GlyphReader::GlyphReader(const UefiFont& font) : height_(kUefiGlyphHeight) {
    for (unsigned n = 0; n < font.size(); ++n) add(font[n], static_cast<u8>(' ' + n));
}

void GlyphReader::add(const Glyph& glyph, u8 character) {
    const auto [at, fresh] = exact_.try_emplace(glyph, character);
    if (!fresh && is_ascii(character) && !is_ascii(at->second)) at->second = character;
    if (is_ascii(character) && character != ' ') letters_.push_back({glyph, character});
}

u8 GlyphReader::nearest(const Glyph& glyph) const {
    unsigned best = kTolerance + 1;
    u8 character = 0;
    for (const auto& [form, letter] : letters_) {
        unsigned distance = 0;
        for (unsigned y = 0; y < height_; ++y) distance += std::popcount(static_cast<u8>(glyph[y] ^ form[y]));
        if (distance < best) best = distance, character = letter;
    }
    return character;
}

u8 GlyphReader::look_up(const Glyph& glyph) const {
    if (const auto at = exact_.find(glyph); at != exact_.end()) return at->second;
    if (const auto at = seen_.find(glyph); at != seen_.end()) return at->second;
    if (seen_.size() >= kMaxSeen) seen_.clear();
    return seen_[glyph] = nearest(glyph);
}

/// Which of the two colours is the ink is not known: both are tried.
u8 GlyphReader::character_at(const Surface& surface, unsigned x, unsigned y) const {
    const u32 first = surface.row(y)[x];
    u32 second = first;
    Glyph ink{}, paper{};
    for (unsigned row = 0; row < height_; ++row) {
        const u32* const pixels = surface.row(y + row) + x;
        for (unsigned bit = 0; bit < kWidth; ++bit) {
            if (pixels[bit] == first) continue;
            if (second == first) second = pixels[bit];
            if (pixels[bit] != second) return ' ';
            ink[row] |= static_cast<u8>(0x80 >> bit);
        }
        paper[row] = static_cast<u8>(~ink[row]);
    }
    if (second == first) return ' ';
    if (const u8 character = look_up(ink); character != 0) return character;
    const u8 inverse = look_up(paper);
    return inverse != 0 ? inverse : ' ';
}

GlyphReader::Reading GlyphReader::read_from(const Surface& surface, unsigned top) const {
    Reading reading;
    for (unsigned y = top; y + height_ <= surface.height; y += height_) {
        std::string text;
        for (unsigned x = 0; x + kWidth <= surface.width; x += kWidth) {
            const u8 character = character_at(surface, x, y);
            reading.letters += is_ascii(character) && character != ' ';
            text += cp437_to_utf8(character);
        }
        text.erase(text.find_last_not_of(' ') + 1);
        reading.rows.push_back(std::move(text));
    }
    return reading;
}

GlyphReader::Reading GlyphReader::read(const Surface& surface) const {
    Reading best = read_from(surface, 0);
    for (unsigned top = 1; top < height_; ++top) {
        Reading other = read_from(surface, top);
        if (other.letters > best.letters) best = std::move(other);
    }
    return best;
}

}  // namespace twin86
