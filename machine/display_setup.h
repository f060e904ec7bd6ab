// The display adapter that the command line asks for, and what is on it when a kernel starts without firmware.
#pragma once

#include "bios/boot_screen.h"
#include "machine/options.h"
#include "machine/pc/display.h"

namespace twin86 {

/// Null when there is to be none. Its VGA BIOS is the one of Debian's package 'seabios'; without it there is no font.
Result<std::unique_ptr<pc::Display>> make_display(const Options& options, PhysMap& phys, const Clock& clock, Log& log);

/// Sets the mode that "vga=" on the kernel's command line asks for, else 80x25 characters. `display` may be null.
BootScreen start_screen(pc::Display* display, const std::string& cmdline);

}  // namespace twin86
