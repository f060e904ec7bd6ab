#include "devices/display/vga.h"

#include <catch2/catch.hpp>

#include "devices/display/glyph_reader.h"
#include "devices/display/text_screen.h"
#include "vga_rig.h"

using namespace twin86;
using namespace twin86::test;

namespace {

/// 'A' has a box with an open middle: rows 0x80 (left dot) and 0x01 (right dot); everything else is empty.
void load_test_font(VgaRig& v) {
    std::vector<u8> font(kFontBytes);
    font['A' * 16 + 0] = 0x80;
    font['A' * 16 + 1] = 0x01;
    font[0xc4 * 16 + 7] = 0xff;  // a line that goes on in the ninth dot
    load_font(v.memory.bytes(), font);
}

void put(VgaRig& v, unsigned column, unsigned row, u8 character, u8 attribute) {
    v.mmio.write(0xb8000 + (row * 80 + column) * 2, 2, character | attribute << 8);
}

}  // namespace

TEST_CASE("render: a text screen with glyphs, attributes, nine dots and the cursor") {
    VgaRig v;
    v.set_mode(0x03);
    load_test_font(v);
    put(v, 0, 0, 'A', 0x1e);
    put(v, 79, 24, 0xc4, 0x07);
    v.indexed(0x3d4, 0x0e, 0);
    v.indexed(0x3d4, 0x0f, 2);
    const u32 fore = VgaRig::rgb(0x3e), back = VgaRig::rgb(1), grey = VgaRig::rgb(7), black = VgaRig::rgb(0);
    const Surface s = v.picture();
    REQUIRE(s.width == 720);
    REQUIRE(s.height == 400);
    CHECK(s.row(0)[0] == fore);
    CHECK(s.row(0)[1] == back);
    CHECK(s.row(1)[7] == fore);
    CHECK(s.row(1)[8] == back);  // not a line character
    CHECK(s.row(0)[9] == black);
    CHECK(s.row(24 * 16 + 7)[719] == grey);
    CHECK(s.row(24 * 16 + 8)[719] == black);
    CHECK(s.row(13)[18] == black);  // the cursor has attribute 0 here: black on black
    put(v, 2, 0, ' ', 0x07);
    CHECK(v.pixel(18, 13) == grey);
    CHECK(v.pixel(18, 12) == black);
    CHECK(v.pixel(18, 14) == grey);
    CHECK(v.pixel(18, 15) == black);
    CHECK(v.picture({false, true}).row(13)[18] == black);
    v.indexed(0x3d4, 0x0a, 0x2d);
    CHECK(v.pixel(18, 13) == black);
}

TEST_CASE("render: blinking, eight dots, second font, blank screen") {
    VgaRig v;
    v.set_mode(0x03);
    load_test_font(v);
    put(v, 0, 0, 'A', 0x9e);
    CHECK(v.picture({false, true}).row(0)[0] == VgaRig::rgb(0x3e));
    CHECK(v.picture({false, false}).row(0)[0] == VgaRig::rgb(1));
    v.attribute(0x10, 0x04);  // bit 7 is brightness now
    v.out(0x3c0, 0x20);
    CHECK(v.pixel(1, 0) == VgaRig::rgb(0x39));
    v.indexed(0x3c4, 1, 0x01);
    CHECK(v.picture().width == 640);
    v.indexed(0x3c4, 3, 0x04);  // font 1 for bright characters; it is empty
    CHECK(v.pixel(0, 0) == VgaRig::rgb(0x39));
    v.indexed(0x3c4, 1, 0x21);
    CHECK(v.pixel(1, 0) == 0);
}

TEST_CASE("render: text pans smoothly, scrolls by lines and splits") {
    VgaRig v;
    v.set_mode(0x03);
    load_test_font(v);
    put(v, 0, 0, 'A', 0x0f);
    put(v, 0, 1, 'A', 0x0e);
    v.indexed(0x3d4, 0x0a, 0x20);
    const u32 white = VgaRig::rgb(0x3f), yellow = VgaRig::rgb(0x3e), black = VgaRig::rgb(0);
    v.indexed(0x3d4, 0x0d, 80);  // starts with row 1
    CHECK(v.pixel(0, 0) == yellow);
    v.indexed(0x3d4, 0x08, 1);  // ... at its second line
    CHECK(v.pixel(0, 0) == black);
    CHECK(v.pixel(7, 0) == yellow);
    v.attribute(0x13, 3);  // four dots to the left
    v.out(0x3c0, 0x20);
    CHECK(v.pixel(3, 0) == yellow);
    // Below line 99 the screen starts again at address 0.
    v.indexed(0x3d4, 0x18, 99);
    v.indexed(0x3d4, 0x07, 0x0f);
    v.indexed(0x3d4, 0x09, 0x0f);
    CHECK(v.pixel(3, 101) == white);
    v.attribute(0x10, 0x2c);  // without the panning
    v.out(0x3c0, 0x20);
    CHECK(v.pixel(0, 100) == white);
    CHECK(v.pixel(7, 101) == white);
}

TEST_CASE("render: 16 colours in four planes, through palette and colour select") {
    VgaRig v;
    v.set_mode(0x12);
    v.indexed(0x3ce, 5, 2);
    v.indexed(0x3ce, 8, 0x01);  // pixel 7
    v.poke(0xa0000 + 479 * 80 + 79, 0x0c);
    Surface s = v.picture();
    REQUIRE((s.width == 640 && s.height == 480));
    CHECK(s.row(479)[639] == VgaRig::rgb(0x3c));
    CHECK(s.row(479)[638] == VgaRig::rgb(0));
    v.attribute(0x12, 0x07);  // plane 3 off
    v.out(0x3c0, 0x20);
    CHECK(v.pixel(639, 479) == VgaRig::rgb(4));
    v.attribute(0x14, 0x0c);  // bits 7 and 6 of the DAC index
    v.out(0x3c0, 0x20);
    CHECK(v.pixel(639, 479) == VgaRig::rgb(0xc4));
    v.attribute(0x10, 0x81);
    v.attribute(0x14, 0x02);  // bits 5 and 4, too
    v.out(0x3c0, 0x20);
    CHECK(v.pixel(639, 479) == VgaRig::rgb(0x24));
    v.out(0x3c6, 0x0f);
    CHECK(v.pixel(639, 479) == VgaRig::rgb(0x04));
}

TEST_CASE("render: mode 13h to its last pixel, and mode X with two pages") {
    VgaRig v;
    v.set_mode(0x13);
    v.poke(0xa0000, 0x12);
    v.poke(0xa0000 + 63999, 0xfe);
    v.poke(0xa0000 + 16384, 0x34);  // pixel 64 of line 51
    Surface s = v.picture();
    REQUIRE((s.width == 320 && s.height == 200));
    CHECK(s.row(0)[0] == VgaRig::rgb(0x12));
    CHECK(s.row(199)[319] == VgaRig::rgb(0xfe));
    CHECK(s.row(51)[64] == VgaRig::rgb(0x34));

    // 320x240 unchained.
    v.indexed(0x3c4, 4, 0x06);
    v.out(0x3c2, 0xe3);
    const std::pair<u8, u8> kCrtc[] = {{0x06, 0x0d}, {0x07, 0x3e}, {0x09, 0x41}, {0x10, 0xea}, {0x11, 0x0c},
                                       {0x12, 0xdf}, {0x14, 0x00}, {0x15, 0xe7}, {0x16, 0x06}, {0x17, 0xe3}};
    for (const auto& [index, value] : kCrtc) v.indexed(0x3d4, index, value);
    v.memory.clear();
    v.indexed(0x3c4, 2, 0x08);  // plane 3
    v.poke(0xa0000 + 239 * 80 + 79, 0x9a);
    v.poke(0xa4b00 + 1, 0x9b);  // second page, pixel 7
    s = v.picture();
    REQUIRE((s.width == 320 && s.height == 240));
    CHECK(s.row(239)[319] == VgaRig::rgb(0x9a));
    v.indexed(0x3d4, 0x0c, 0x4b);
    CHECK(v.pixel(7, 0) == VgaRig::rgb(0x9b));
    v.attribute(0x13, 2);  // one pixel to the left
    v.out(0x3c0, 0x20);
    CHECK(v.pixel(6, 0) == VgaRig::rgb(0x9b));
}

TEST_CASE("render: CGA's modes interleave their lines") {
    VgaRig v;
    v.set_mode(0x04);
    v.poke(0xb8000, 0x1b);       // colours 0 1 2 3
    v.poke(0xb8001, 0xe4);       // 3 2 1 0
    v.poke(0xba000, 0xff);       // line 1
    v.poke(0xb8000 + 80, 0x40);  // line 2
    Surface s = v.picture();
    REQUIRE((s.width == 320 && s.height == 200));
    const std::array<u32, 4> colours{VgaRig::rgb(0), VgaRig::rgb(0x13), VgaRig::rgb(0x15), VgaRig::rgb(0x17)};
    for (unsigned x = 0; x < 4; ++x) CHECK(s.row(0)[x] == colours[x]);
    for (unsigned x = 0; x < 4; ++x) CHECK(s.row(0)[4 + x] == colours[3 - x]);
    CHECK(s.row(1)[0] == colours[3]);
    CHECK(s.row(2)[0] == colours[1]);
    v.set_mode(0x06);
    v.memory.clear();
    v.poke(0xb8000, 0x80);
    v.poke(0xba000, 0x01);
    s = v.picture();
    REQUIRE((s.width == 640 && s.height == 200));
    CHECK(s.row(0)[0] == VgaRig::rgb(0x17));
    CHECK(s.row(1)[7] == VgaRig::rgb(0x17));
    CHECK(s.row(1)[0] == VgaRig::rgb(0));
    v.set_mode(0x0d);
    CHECK(v.picture().width == 320);
    CHECK(v.picture().height == 200);
}

TEST_CASE("painter: draws what changed, and says which lines") {
    VgaRig v;
    v.set_mode(0x03);
    load_test_font(v);
    Painter painter;
    CHECK(painter.update(v.frame(), v.memory.bytes(), {true, {}}) == std::vector<LineRange>{{0, 400}});
    CHECK(painter.update(v.frame(), v.memory.bytes(), {false, {}}).empty());
    put(v, 5, 2, 'A', 0x0f);
    CHECK(v.vga.take_written());
    CHECK_FALSE(v.vga.take_written());
    CHECK(painter.update(v.frame(), v.memory.bytes(), {true, {}}) == std::vector<LineRange>{{32, 34}});
    CHECK(painter.surface().pixels == v.picture().pixels);
    v.colour(0, 1, 1, 1);
    CHECK(painter.update(v.frame(), v.memory.bytes(), {false, {}}) == std::vector<LineRange>{{0, 400}});
    v.set_mode(0x13);
    CHECK(painter.update(v.frame(), v.memory.bytes(), {false, {}}) == std::vector<LineRange>{{0, 200}});
}

TEST_CASE("text screen: characters as UTF-8, from wherever the screen starts") {
    VgaRig v;
    v.set_mode(0x03);
    clear_text(v.memory.bytes());
    for (unsigned i = 0; i < 5; ++i) put(v, 2 + i, 1, "Hello"[i], 7);
    put(v, 79, 24, 0xdb, 7);
    std::vector<std::string> rows = text_mode_rows(v.frame(), v.memory.bytes());
    REQUIRE(rows.size() == 25);
    CHECK(rows[0].empty());
    CHECK(rows[1] == "  Hello");
    CHECK(rows[24] == std::string(79, ' ') + "█");
    v.indexed(0x3d4, 0x0d, 80);
    CHECK(text_mode_rows(v.frame(), v.memory.bytes())[0] == "  Hello");
    v.set_mode(0x12);
    CHECK(text_mode_rows(v.frame(), v.memory.bytes()).empty());
}

TEST_CASE("UEFI's font is found where all of ASCII stands in turn, and read off a screen") {
    constexpr std::size_t kEntry = 22, kAt = 1000;
    std::vector<u8> memory(8192, ' ');
    for (unsigned n = 0; n < UefiFont().size(); ++n) {
        u8* const entry = &memory[kAt + n * kEntry];
        std::fill_n(entry, kEntry, u8{0});
        entry[0] = static_cast<u8>(' ' + n);
        for (unsigned row = 3; n != 0 && row < 15; ++row) entry[3 + row] = static_cast<u8>(n * 37 + row * n * 11);
    }
    const auto font = find_uefi_font(memory);
    REQUIRE(font);
    CHECK((*font)['A' - ' '][5] == memory[kAt + ('A' - ' ') * kEntry + 3 + 5]);
    CHECK(!find_uefi_font(std::span(memory).first(kAt + 94 * kEntry)));
    Surface s;
    s.resize(16, 24);
    for (unsigned n = 0; n < 2; ++n)
        for (unsigned y = 0; y < kUefiGlyphHeight; ++y)
            for (unsigned x = 0; x < 8; ++x) s.row(y + 3)[n * 8 + x] = ((*font)[("Hi"[n]) - ' '][y] >> (7 - x) & 1) != 0 ? 0xffffff : 0;
    const GlyphReader::Reading reading = GlyphReader(*font).read(s);
    CHECK(reading.letters == 2);
    CHECK(reading.rows.at(0) == "Hi");
    memory[kAt + 40 * kEntry] = 0;
    CHECK(!find_uefi_font(memory));
}

TEST_CASE("glyph reader: characters in any two colours, with small differences, inverse, and nothing else") {
    std::vector<u8> font(kFontBytes);
    for (unsigned c = 0x21; c < 0x7f; ++c)
        for (unsigned row = 2; row < 14; ++row) font[c * 16 + row] = static_cast<u8>(c * 37 + row * c * 11);
    std::fill_n(font.begin() + 0xdb * 16, 16, u8{0xff});
    const GlyphReader reader(font);
    Surface s;
    s.resize(44, 40);  // five cells by two, and a rest
    const auto draw = [&](unsigned column, unsigned row, u8 c, u32 ink, u32 paper) {
        for (unsigned y = 0; y < 16; ++y)
            for (unsigned x = 0; x < 8; ++x)
                s.row(row * 16 + y)[column * 8 + x] = (font[c * 16u + y] >> (7 - x) & 1) != 0 ? ink : paper;
    };
    draw(0, 0, 'H', 0xffffff, 0);
    draw(1, 0, 'i', 0x00ff00, 0x000080);
    draw(2, 1, '!', 0, 0xffffff);
    s.row(1)[8] ^= 0x00ff80;  // a green pixel more
    s.row(20)[0] = 0x123456;
    s.row(21)[1] = 0x654321;  // three colours
    const auto rows = reader.read(s).rows;
    REQUIRE(rows.size() == 2);
    CHECK(rows[0] == "Hi");
    CHECK(rows[1] == "  !");
    Surface lower;  // the same text 5 lines further down
    lower.resize(44, 40);
    for (unsigned y = 5; y < 37; ++y) std::copy_n(s.row(y - 5), 44, lower.row(y));
    CHECK(reader.read(lower).rows == rows);
}
