#include "devices/display/vga.h"

#include <catch2/catch.hpp>

#include "devices/display/vga_timing.h"
#include "vga_rig.h"
#include "tests/lib/state_copy.h"

using namespace twin86;
using namespace twin86::test;

TEST_CASE("vga: index and data ports of each part read back what exists") {
    VgaRig v;
    v.set_mode(0x03);
    for (const auto& [port, index, value, want] : {std::array<unsigned, 4>{0x3c4, 2, 0xff, 0x0f},
                                                   {0x3c4, 4, 0xff, 0x0e},
                                                   {0x3ce, 8, 0xa5, 0xa5},
                                                   {0x3ce, 3, 0xff, 0x1f},
                                                   {0x3ce, 5, 0xff, 0x7b},
                                                   {0x3d4, 0x0c, 0x12, 0x12},
                                                   {0x3d4, 0x18, 0xff, 0xff}}) {
        INFO(port << "." << index);
        v.indexed(static_cast<IoPort>(port), static_cast<u8>(index), static_cast<u8>(value));
        CHECK(v.in(static_cast<IoPort>(port)) == index);
        CHECK(v.in(static_cast<IoPort>(port + 1)) == want);
    }
    v.indexed(0x3d4, 0x30, 0x55);
    CHECK(v.in(0x3d5) == 0);
    CHECK(v.in(0x3cc) == 0x67);
}

TEST_CASE("vga: the attribute port takes index and data in turn, and input status 1 starts with the index") {
    VgaRig v;
    v.set_mode(0x03);
    v.in(0x3da);
    v.out(0x3c0, 0x05);
    v.out(0x3c0, 0x2a);
    CHECK(v.in(0x3c0) == 0x05);
    CHECK(v.in(0x3c1) == 0x2a);
    v.out(0x3c0, 0x06);
    v.in(0x3da);
    v.out(0x3c0, 0x10);  // an index again
    CHECK(v.in(0x3c0) == 0x10);
    CHECK(v.in(0x3c1) == 0x0c);
}

TEST_CASE("vga: CRTC registers 0 to 7 are protected, but for the line compare bit") {
    VgaRig v;
    v.set_mode(0x03);
    v.indexed(0x3d4, 0x11, 0x8e);
    v.indexed(0x3d4, 0x01, 0x27);
    CHECK(v.in(0x3d5) == 0x4f);
    v.indexed(0x3d4, 0x07, 0x00);
    CHECK(v.in(0x3d5) == 0x0f);
    v.indexed(0x3d4, 0x0c, 0x27);
    CHECK(v.in(0x3d5) == 0x27);
}

TEST_CASE("vga: CRTC and status move between 0x3bx and 0x3dx") {
    VgaRig v;
    v.set_mode(0x03);
    CHECK(v.in(0x3b4) == 0xff);
    v.out(0x3c2, 0x66);
    CHECK(v.in(0x3d4) == 0xff);
    v.indexed(0x3b4, 0x0f, 0x42);
    CHECK(v.in(0x3b5) == 0x42);
    CHECK(v.in(0x3ba) != 0xff);
}

TEST_CASE("vga: DAC entries are read and written in threes, with the index going on") {
    VgaRig v;
    v.out(0x3c8, 0x10);
    for (const u8 c : {1, 2, 3, 4, 5, 6}) v.out(0x3c9, c);
    v.out(0x3c7, 0x10);
    CHECK(v.in(0x3c7) == 3);
    for (const u8 c : {1, 2, 3, 4, 5, 6}) CHECK(v.in(0x3c9) == c);
    v.out(0x3c8, 0x10);
    CHECK(v.in(0x3c7) == 0);
    v.out(0x3c9, 9);  // an entry that is not complete does not change
    v.out(0x3c7, 0x10);
    CHECK(v.in(0x3c9) == 1);
}

TEST_CASE("vga: input status 0 tells a dark screen from a bright one") {
    VgaRig v;
    v.set_mode(0x03);
    v.attribute(0, 0);
    v.colour(0, 0x04, 0x12, 0x04);
    CHECK((v.in(0x3c2) & 0x10) == 0);
    v.colour(0, 0x3f, 0x3f, 0x3f);
    CHECK((v.in(0x3c2) & 0x10) != 0);
}

TEST_CASE("vga: retrace bits follow virtual time") {
    VgaRig v;
    v.set_mode(0x03);
    const VgaTiming t = vga_timing(v.vga.registers());
    CHECK(t.frame_ns == Approx(1e9 / 70.09).epsilon(0.001));
    CHECK(t.shown_lines == 400);
    CHECK(t.retrace_first == 412);
    CHECK(t.retrace_end == 414);
    const auto status = [&](u64 ns) {
        v.clock.set(ns);
        return v.in(0x3da) & 0x09;
    };
    CHECK(status(1000) == 0x00);                      // in the first line
    CHECK(status(t.shown_ns_of_line + 100) == 0x01);  // right of it
    CHECK(status(401 * t.line_ns) == 0x01);           // below the picture
    CHECK(status(412 * t.line_ns + 10) == 0x09);      // retrace
    CHECK(status(414 * t.line_ns + 10) == 0x01);
    CHECK(status(7 * t.frame_ns + 412 * t.line_ns + 10) == 0x09);
    v.indexed(0x3d4, 0, 0);  // a line shorter than what it shows
    CHECK(vga_timing(v.vga.registers()).frame_ns > 0);
    v.vga.reset(ResetKind::kPowerOn);
    CHECK(vga_timing(v.vga.registers()).frame_ns > 0);
}

TEST_CASE("vga: mode 12h has 60 Hz, and its state survives an archive") {
    VgaRig v, w;
    v.set_mode(0x12);
    CHECK(vga_timing(v.vga.registers()).frame_ns == Approx(1e9 / 59.94).epsilon(0.001));
    v.poke(0xa0000, 0x81);
    v.vbe(1, 640);
    copy_state(v.vga, w.vga);
    CHECK(w.picture().pixels == v.picture().pixels);
}
