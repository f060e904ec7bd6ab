#include "devices/display/vga.h"

#include <catch2/catch.hpp>
#include <numeric>

#include "devices/display/edid.h"
#include "devices/display/linear_scan.h"
#include "vga_rig.h"

using namespace twin86;
using namespace twin86::test;

namespace {

enum : u16 { kId, kWidth, kHeight, kDepth, kEnable, kBank, kVirtualWidth, kVirtualHeight, kX, kY, kMemory };

void set_vbe_mode(VgaRig& v, u16 width, u16 height, u16 depth, u16 flags = 0x41) {
    v.vbe(kEnable, 0);
    v.vbe(kWidth, width);
    v.vbe(kHeight, height);
    v.vbe(kDepth, depth);
    v.vbe(kEnable, flags);
}

}  // namespace

TEST_CASE("vbe: identity, capabilities, memory") {
    VgaRig v(16 * MiB);
    CHECK(v.vbe(kId) == 0xb0c5);
    v.vbe(kId, 0xb0c0);
    CHECK(v.vbe(kId) == 0xb0c0);
    v.vbe(kId, 0x1234);
    CHECK(v.vbe(kId) == 0xb0c0);
    CHECK(v.vbe(kMemory) == 256);
    v.vbe(kEnable, 2);
    CHECK(v.vbe(kDepth) == 32);
    CHECK(v.vbe(kWidth) >= 1920);
    v.vbe(kEnable, 0);
    CHECK(v.vbe(kWidth) == 0);
    CHECK(v.vbe(99) == 0);
    v.vbe(kDepth, 13);
    CHECK(v.vbe(kDepth) == 8);
}

TEST_CASE("vbe: switching on clears, keeps on request, and starts unpanned") {
    VgaRig v;
    v.set_mode(0x03);
    std::fill(v.memory.bytes().begin(), v.memory.bytes().end(), u8{0x11});
    set_vbe_mode(v, 320, 200, 32, 0xc1);
    CHECK(v.pixel(0, 0) == 0x111111);
    v.vbe(kX, 7);
    set_vbe_mode(v, 320, 200, 32);
    CHECK(v.vbe(kX) == 0);
    CHECK(v.vbe(kVirtualWidth) == 320);
    CHECK(v.vbe(kVirtualHeight) == MiB / 1280);
    CHECK(v.pixel(319, 199) == 0);
    CHECK(v.memory.bytes()[320 * 200 * 4] == 0x11);
}

TEST_CASE("vbe: every depth shows its colours") {
    VgaRig v;
    v.set_mode(0x13);
    u8* m = v.memory.bytes().data();
    set_vbe_mode(v, 64, 48, 8);
    m[65] = 0x42;
    CHECK(v.pixel(1, 1) == VgaRig::rgb(0x42));
    v.vbe(kEnable, 0x61);  // 8-bit DAC
    v.colour(0x42, 0x12, 0x34, 0xf6);
    CHECK(v.pixel(1, 1) == 0x1234f6);
    set_vbe_mode(v, 64, 48, 15);
    m[0] = 0x1f, m[1] = 0x40;  // red 16, blue 31
    CHECK(v.pixel(0, 0) == 0x8400ff);
    set_vbe_mode(v, 64, 48, 16);
    m[0] = 0xe0, m[1] = 0x07;
    CHECK(v.pixel(0, 0) == 0x00ff00);
    set_vbe_mode(v, 64, 48, 24);
    m[3] = 3, m[4] = 2, m[5] = 1;
    CHECK(v.pixel(1, 0) == 0x010203);
    set_vbe_mode(v, 64, 48, 32);
    m[4] = 3, m[5] = 2, m[6] = 1, m[7] = 0xff;
    CHECK(v.pixel(1, 0) == 0x010203);
    set_vbe_mode(v, 64, 48, 4);
    v.indexed(0x3c4, 4, 0x06);
    v.indexed(0x3ce, 5, 0x02);
    v.indexed(0x3ce, 6, 0x05);
    v.poke(0xa0000 + 8 + 1, 0x05);
    CHECK(v.pixel(8, 1) == VgaRig::rgb(0x05));
}

TEST_CASE("vbe: panning and wide rows; what lies beyond the memory is black") {
    VgaRig v(64 * KiB);
    v.set_mode(0x13);
    set_vbe_mode(v, 64, 64, 8);
    v.vbe(kVirtualWidth, 128);
    v.vbe(kX, 3);
    v.vbe(kY, 5);
    v.memory.bytes()[5 * 128 + 3] = 0x21;
    CHECK(v.pixel(0, 0) == VgaRig::rgb(0x21));
    v.memory.bytes()[6 * 128 + 4] = 0x22;
    CHECK(v.pixel(1, 1) == VgaRig::rgb(0x22));
    v.vbe(kY, 0xffff);
    CHECK(v.pixel(0, 0) == 0);
    set_vbe_mode(v, 4080, 4080, 32);
    CHECK(v.pixel(4079, 4079) == 0);
    set_vbe_mode(v, 16000, 12000, 32);
    CHECK(v.picture().width == 720);  // no monitor shows that
    v.vbe(kEnable, 0);
    CHECK(v.picture().width == 320);
}

TEST_CASE("vbe: the window at 0xa0000 shows a bank") {
    VgaRig v;
    v.set_mode(0x13);
    set_vbe_mode(v, 640, 480, 8);
    v.vbe(kBank, 3);
    v.mmio.write(0xa0010, 4, 0x04030201);
    CHECK(v.memory.bytes()[0x30010] == 1);
    CHECK(v.memory.bytes()[0x30013] == 4);
    CHECK(v.mmio.read(0xa0010, 2) == 0x0201);
    v.vbe(kBank, 0xffff);
    v.poke(0xa0000, 1);
    CHECK(v.peek(0xa0000) == 0xff);  // beyond the memory
}

TEST_CASE("painter: in linear modes pages say which lines to draw") {
    VgaRig v;
    v.set_mode(0x13);
    set_vbe_mode(v, 256, 64, 32);  // four lines in a page
    Painter painter;
    painter.update(v.frame(), v.memory.bytes(), {true, {}});
    v.memory.bytes()[5 * 1024] = 0x55;
    v.memory.bytes()[40 * 1024] = 0x55;
    CHECK(painter.update(v.frame(), v.memory.bytes(), {false, {4096}}) == std::vector<LineRange>{{5, 6}});
    CHECK(painter.update(v.frame(), v.memory.bytes(), {false, {}}).empty());
    CHECK(painter.update(v.frame(), v.memory.bytes(), {false, {40960, ~u64{0} - 4095}}) ==
          std::vector<LineRange>{{40, 41}});
    CHECK(painter.surface().pixels == v.picture().pixels);
}

TEST_CASE("vga: the register page of BAR 2 has EDID, ports and VBE registers") {
    VgaRig v;
    PciAddressSpace space(v.io, v.mmio, {{0x80000000, 0xfebfffff}});
    v.vga.connect(&space, IrqLine());
    v.vga.config_write(0x10, 4, 0xfd000000);
    v.vga.config_write(0x18, 4, 0xfebf0000);
    v.vga.config_write(4, 2, 3);
    CHECK(v.memory.shown_at == 0xfd000000);
    CHECK(v.vga.config_read(0x10, 4) == 0xfd000008);
    const Gpa page = 0xfebf0000;
    CHECK(v.mmio.read(page, 8) == 0x00ffffffffffff00);
    v.mmio.write(page + 0x502, 2, 800);
    v.mmio.write(page + 0x504, 4, 32u << 16 | 600);  // two registers at once
    CHECK(v.vbe(1) == 800);
    CHECK(v.vbe(2) == 600);
    CHECK(v.vbe(3) == 32);
    CHECK(v.mmio.read(page + 0x500, 4) == (800u << 16 | 0xb0c5));
    v.mmio.write(page + 0x402, 1, 0x67);  // 0x3c2
    CHECK(v.mmio.read(page + 0x40c, 1) == 0x67);
    CHECK(v.mmio.read(page + 0x600, 4) == 8);
    CHECK(v.mmio.read(page + 0x604, 4) == 0x1e1e1e1e);
    CHECK(v.mmio.read(page + 0xff8, 8) == 0);
    v.mmio.write(page + 0x501, 1, 0xff);  // half a register
    CHECK(v.vbe(0) == 0xb0c5);
    v.vga.connect(nullptr, IrqLine());
    CHECK(v.memory.shown_at == 0);
}

TEST_CASE("vga: without BAR 2, and with a monitor that says nothing") {
    VgaRig none(1 * MiB, {.register_page = false});
    none.vga.config_write(0x18, 4, ~0u);
    CHECK(none.vga.config_read(0x18, 4) == 0);
    CHECK(none.vga.config_read(8, 1) == 0);
    none.vbe(1, 640);
    CHECK(none.vbe(1) == 640);

    VgaRig silent(1 * MiB, {.edid = false});
    PciAddressSpace space(silent.io, silent.mmio, {{0x80000000, 0xfebfffff}});
    silent.vga.connect(&space, IrqLine());
    silent.vga.config_write(0x18, 4, 0xfebf0000);
    silent.vga.config_write(4, 2, 3);
    CHECK(silent.mmio.read(0xfebf0000, 8) == 0);
    CHECK(silent.mmio.read(0xfebf0600, 4) == 8);
    silent.vga.connect(nullptr, IrqLine());
}

TEST_CASE("edid: checksum, header, preferred timing") {
    for (const auto& [width, height] : {std::pair<unsigned, unsigned>{1280, 800}, {1920, 1080}, {640, 480}}) {
        const auto e = make_edid(width, height);
        CHECK(std::accumulate(e.begin(), e.end(), 0u) % 256 == 0);
        CHECK((e[0] == 0 && e[1] == 0xff && e[7] == 0));
        CHECK((e[18] == 1 && e[19] == 4));
        CHECK(e[56] + (e[58] >> 4) * 256u == width);
        CHECK(e[59] + (e[61] >> 4) * 256u == height);
        const unsigned total = (width + 160) * (height + 35);
        CHECK((e[54] | e[55] << 8) == Approx(total * 60 / 10000).margin(1));
    }
}

TEST_CASE("a font is found in a VGA BIOS by the smiling face") {
    std::vector<u8> rom(8192, 0x90);
    CHECK_FALSE(find_font(rom));
    const u8 face[] = {0, 0, 0x7e, 0x81, 0xa5, 0x81, 0x81, 0xbd, 0x99, 0x81, 0x81, 0x7e, 0, 0, 0, 0};
    std::copy(std::begin(face), std::end(face), rom.begin() + 100 + 16);
    REQUIRE(find_font(rom));
    CHECK(find_font(rom)->data() == rom.data() + 100);
    rom.resize(100 + kFontBytes - 1);
    CHECK_FALSE(find_font(rom));
}
