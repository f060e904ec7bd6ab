// Display: the board's VGA with its memory and its option ROM.
#pragma once

#include "devices/display/vga.h"
#include "devices/display/vga_renderer.h"
#include "machine/pc/board.h"
#include "machine/pc/video_ram.h"

namespace twin86::pc {

struct DisplayConfig {
    VgaProfile profile;
    u64 memory_bytes = 16 * MiB;
    std::vector<u8> rom;  ///< VGA BIOS; empty: none
};

class Display {
  public:
    static Result<std::unique_ptr<Display>> create(const DisplayConfig& config, PhysMap& phys, const Clock& clock);
    /// Puts the adapter into its slot and maps ports and window.
    void plug_into(Board& board, IoBus& io, MmioBus& mmio, PhysMap& phys);

    Vga& vga() { return *vga_; }
    /// The VGA BIOS's 8x16 font; empty: there is none.
    const std::vector<u8>& font() const { return font_; }
    VideoRam& memory() { return *memory_; }

    /// What firmware leaves behind: addresses for the base registers, and 80x25 characters with the VGA BIOS's font.
    void leave_as_firmware_does();
    /// As firmware's VBE functions: a frame buffer of this size at BAR 0.
    void set_linear_mode(unsigned width, unsigned height, unsigned depth);

    /// What is on the screen now. With the machine's lock held.
    VgaFrame frame() const;

  private:
    explicit Display(const Clock& clock) : clock_(clock) {}

    const Clock& clock_;
    std::unique_ptr<VideoRam> memory_;
    HostPages rom_;
    std::vector<u8> font_;
    std::unique_ptr<Vga> vga_;
    std::vector<Mapping> mappings_;
};

}  // namespace twin86::pc
