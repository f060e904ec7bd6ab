// A VGA on buses of its own, driven as a guest drives it.
#pragma once

#include "devices/display/standard_modes.h"
#include "devices/display/vga.h"
#include "devices/display/vga_renderer.h"

namespace twin86::test {

class PlainMemory : public VideoMemory {
  public:
    explicit PlainMemory(u64 size) : bytes_(size) {}
    std::span<u8> bytes() override { return bytes_; }
    void clear() override { std::fill(bytes_.begin(), bytes_.end(), u8{0}); }
    Mapping show_at(Gpa base) override {
        shown_at = base;
        return Mapping([this] { shown_at = 0; });
    }
    Gpa shown_at = 0;

  private:
    std::vector<u8> bytes_;
};

struct VgaRig {
    ManualClock clock;
    PlainMemory memory;
    Vga vga;
    IoBus io;
    MmioBus mmio;
    std::vector<Mapping> mappings;

    explicit VgaRig(u64 bytes = 1 * MiB, const VgaProfile& profile = {}) : memory(bytes), vga(memory, clock, profile) {
        mappings.push_back(io.map(0x3b0, 12, vga.legacy_ports(0), "vga"));
        mappings.push_back(io.map(0x3c0, 32, vga.legacy_ports(0x10), "vga"));
        mappings.push_back(io.map(0x1ce, 3, vga.vbe_ports(), "vbe", IoBus::kWord));
        mappings.push_back(mmio.map(0xa0000, 0x20000, vga.window(), "window"));
    }

    void out(IoPort port, u32 value, unsigned size = 1) { io.write(port, size, value); }
    u8 in(IoPort port) { return static_cast<u8>(io.read(port, 1)); }
    void indexed(IoPort port, u8 index, u8 value) { out(port, index | value << 8, 2); }
    void attribute(u8 index, u8 value) {
        in(0x3da);
        out(0x3c0, index);
        out(0x3c0, value);
    }
    void colour(u8 index, u8 r, u8 g, u8 b) {
        out(0x3c8, index);
        for (const u8 c : {r, g, b}) out(0x3c9, c);
    }
    void poke(u32 address, u8 value) { mmio.write(address, 1, value); }
    u8 peek(u32 address) { return static_cast<u8>(mmio.read(address, 1)); }
    void vbe(u16 index, u16 value) {
        out(0x1ce, index, 2);
        out(0x1cf, value, 2);
    }
    u16 vbe(u16 index) {
        out(0x1ce, index, 2);
        return static_cast<u16>(io.read(0x1cf, 2));
    }

    /// Through the ports, as a BIOS does it.
    void set_mode(u8 number) {
        const StandardMode& m = *find_standard_mode(number);
        out(0x3c2, m.misc_output);
        for (u8 i = 0; i < m.sequencer.size(); ++i) indexed(0x3c4, i, m.sequencer[i]);
        indexed(0x3d4, 0x11, 0);
        for (u8 i = 0; i < m.crtc.size(); ++i) indexed(0x3d4, i, m.crtc[i]);
        for (u8 i = 0; i < m.graphics.size(); ++i) indexed(0x3ce, i, m.graphics[i]);
        for (u8 i = 0; i < m.attribute.size(); ++i) attribute(i, m.attribute[i]);
        in(0x3da);
        out(0x3c0, 0x20);
        // Colours that tell their index: red is the index, green its complement.
        for (unsigned i = 0; i < 256; ++i) colour(static_cast<u8>(i), i & 0x3f, (~i) & 0x3f, static_cast<u8>(i >> 6));
    }
    /// What colour() above makes of an index.
    static u32 rgb(unsigned index) {
        const auto wide = [](unsigned v) { return v << 2 | v >> 4; };
        return wide(index & 0x3f) << 16 | wide(~index & 0x3f) << 8 | wide(index >> 6);
    }

    VgaFrame frame(BlinkPhase blink = {}) { return {vga.registers(), vga.vbe(), blink}; }
    Surface picture(BlinkPhase blink = {}) { return render(frame(blink), memory.bytes()); }
    u32 pixel(unsigned x, unsigned y) { return picture().row(y)[x]; }
};

}  // namespace twin86::test
