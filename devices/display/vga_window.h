// The processor's window at 0xa0000 into the VGA's four planes: latches, write modes, read modes, chaining. IBM, "Video
// Subsystem", "Graphics controller" and "Memory mode register".
//
// Video memory is kept with the planes interleaved: byte p of each group of four is plane p.
#pragma once

#include <optional>
#include <span>

#include "devices/display/vga_registers.h"

namespace twin86 {

class VgaWindow {
  public:
    static constexpr u64 kBase = 0xa0000, kSize = 0x20000;

    VgaWindow(VgaRegisters& registers, std::span<u8> memory) : r_(registers), memory_(memory) {}

    /// `offset` from 0xa0000; `bank` in units of 64 KiB of each plane.
    u8 read(u32 offset, u32 bank = 0);
    /// True: some plane was written.
    bool write(u32 offset, u8 value, u32 bank = 0);

    /// Offset within the range that the window shows (graphics register 6, miscellaneous output bit 1).
    std::optional<u32> decode(u32 offset) const;

  private:
    struct Target {
        u32 address;  ///< within a plane
        u8 planes;    ///< mask
    };
    Target target(u32 address, u32 bank) const;
    u32 odd_even_address(u32 address) const;
    u8* group(u32 address) const { return memory_.data() + (std::size_t{address} * 4) % memory_.size(); }
    u8 compare_colours() const;
    std::array<u8, 4> computed(u8 value) const;

    VgaRegisters& r_;
    std::span<u8> memory_;
};

}  // namespace twin86
