#include "devices/display/vga.h"

#include <catch2/catch.hpp>

#include "devices/display/vga_window.h"
#include "vga_rig.h"

using namespace twin86;
using namespace twin86::test;

namespace {

/// The four planes at an address.
std::array<u8, 4> planes(VgaRig& v, u32 address) {
    const u8* p = v.memory.bytes().data() + address * 4;
    return {p[0], p[1], p[2], p[3]};
}

using Planes = std::array<u8, 4>;

}  // namespace

TEST_CASE("window: write mode 0 with set/reset, rotation, functions and bit mask") {
    VgaRig v;
    v.set_mode(0x12);
    v.poke(0xa0000, 0x0f);
    CHECK(planes(v, 0) == Planes{0x0f, 0x0f, 0x0f, 0x0f});
    v.indexed(0x3c4, 2, 0x05);  // map mask
    v.poke(0xa0000, 0xff);
    CHECK(planes(v, 0) == Planes{0xff, 0x0f, 0xff, 0x0f});
    v.indexed(0x3c4, 2, 0x0f);

    v.indexed(0x3ce, 0, 0x0a);
    v.indexed(0x3ce, 1, 0x0f);  // colour 10 wherever the bit mask allows
    v.indexed(0x3ce, 8, 0xc0);
    v.peek(0xa0000);
    v.poke(0xa0000, 0x00);
    CHECK(planes(v, 0) == Planes{0x3f, 0xcf, 0x3f, 0xcf});

    v.indexed(0x3ce, 1, 0x00);
    v.indexed(0x3ce, 8, 0xff);
    v.indexed(0x3ce, 3, 0x18 | 4);  // XOR, rotate right by 4
    v.peek(0xa0000);
    v.poke(0xa0000, 0xf0);
    CHECK(planes(v, 0) == Planes{0x30, 0xc0, 0x30, 0xc0});
    v.indexed(0x3ce, 3, 0x08);  // AND
    v.peek(0xa0000);
    v.poke(0xa0000, 0x80);
    CHECK(planes(v, 0) == Planes{0x00, 0x80, 0x00, 0x80});
    v.indexed(0x3ce, 3, 0x10);  // OR
    v.peek(0xa0000);
    v.poke(0xa0000, 0x01);
    CHECK(planes(v, 0) == Planes{0x01, 0x81, 0x01, 0x81});
}

TEST_CASE("window: write mode 1 copies latches, 2 writes a colour, 3 makes the data a mask") {
    VgaRig v;
    v.set_mode(0x12);
    v.indexed(0x3ce, 5, 2);
    v.indexed(0x3ce, 8, 0xf0);
    v.peek(0xa0010);
    v.poke(0xa0010, 0x09);
    CHECK(planes(v, 0x10) == Planes{0xf0, 0x00, 0x00, 0xf0});

    v.indexed(0x3ce, 5, 1);
    v.peek(0xa0010);
    v.poke(0xa0020, 0x55);
    CHECK(planes(v, 0x20) == Planes{0xf0, 0x00, 0x00, 0xf0});

    v.indexed(0x3ce, 5, 3);
    v.indexed(0x3ce, 0, 0x06);
    v.indexed(0x3ce, 8, 0x3c);
    v.peek(0xa0020);
    v.poke(0xa0020, 0x18);
    CHECK(planes(v, 0x20) == Planes{0xe0, 0x18, 0x18, 0xe0});
}

TEST_CASE("window: read mode 0 reads a plane, read mode 1 compares colours") {
    VgaRig v;
    v.set_mode(0x12);
    v.indexed(0x3ce, 5, 2);
    for (const auto& [mask, colour] : {std::pair<u8, u8>{0xc0, 3}, {0x30, 5}, {0x0f, 3}}) {
        v.indexed(0x3ce, 8, mask);
        v.peek(0xa0000);
        v.poke(0xa0000, colour);
    }
    v.indexed(0x3ce, 4, 1);
    CHECK(v.peek(0xa0000) == 0xcf);
    v.indexed(0x3ce, 5, 0x08);
    v.indexed(0x3ce, 2, 3);
    CHECK(v.peek(0xa0000) == 0xcf);
    v.indexed(0x3ce, 7, 0x01);  // only plane 0 counts: 3 and 5 look alike
    CHECK(v.peek(0xa0000) == 0xff);
    v.indexed(0x3ce, 7, 0x00);
    CHECK(v.peek(0xa0000) == 0xff);
}

TEST_CASE("window: text modes chain odd and even addresses, mode 13h chains four planes") {
    VgaRig v;
    v.set_mode(0x03);
    v.mmio.write(0xb8000, 4, 0x1f421e41);
    CHECK(planes(v, 0)[0] == 0x41);
    CHECK(planes(v, 0)[1] == 0x1e);
    CHECK(planes(v, 2)[0] == 0x42);
    CHECK(v.mmio.read(0xb8000, 4) == 0x1f421e41);
    CHECK(v.peek(0xa0000) == 0xff);  // not in this range
    CHECK(v.peek(0xb0000) == 0xff);

    v.set_mode(0x13);
    v.mmio.write(0xa0000, 8, 0x8877665544332211);
    CHECK(planes(v, 0) == Planes{0x11, 0x22, 0x33, 0x44});
    CHECK(planes(v, 4) == Planes{0x55, 0x66, 0x77, 0x88});
    CHECK(v.mmio.read(0xa0001, 4) == 0x55443322);
    CHECK(v.peek(0xb8000) == 0xff);
    v.out(0x3c2, 0x61);  // memory off
    CHECK(v.peek(0xa0000) == 0xff);
}

TEST_CASE("window: an unchained mode 13h (mode X) writes planes of its own") {
    VgaRig v;
    v.set_mode(0x13);
    v.indexed(0x3c4, 4, 0x06);
    v.indexed(0x3c4, 2, 0x04);
    v.poke(0xa0001, 0x77);
    CHECK(planes(v, 1) == Planes{0, 0, 0x77, 0});
    v.indexed(0x3ce, 4, 2);
    CHECK(v.peek(0xa0001) == 0x77);
}

TEST_CASE("window: any registers, any access stay inside the memory") {
    VgaRig v(64 * KiB);  // less than four planes of 64 KiB
    u32 seed = 1;
    const auto random = [&seed] { return seed = seed * 1664525 + 1013904223, seed >> 8; };
    for (unsigned i = 0; i < 20000; ++i) {
        const u32 n = random();
        switch (n % 6) {
            case 0:
                v.out(static_cast<IoPort>(0x3b0 + n / 8 % 12), random() & 0xff);
                break;
            case 1:
                v.out(static_cast<IoPort>(0x3c0 + n / 8 % 32), random() & 0xff);
                break;
            case 2:
                v.vbe(static_cast<u16>(random() % 16), static_cast<u16>(random()));
                break;
            case 3:
                v.mmio.write(0xa0000 + random() % 0x1fff8, 8, random());
                break;
            case 4:
                v.mmio.read(0xa0000 + random() % 0x1fff8, 8);
                break;
            default:
                if (n % 64 == 5) v.picture();
        }
    }
    CHECK(v.memory.bytes().size() == 64 * KiB);
}
