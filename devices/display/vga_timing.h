// Where the beam is: input status register 1 out of virtual time and the CRT controller's totals.
#pragma once

#include "devices/display/vga_registers.h"

namespace twin86 {

struct VgaTiming {
    u64 line_ns = 0;           ///< one scan line
    u64 frame_ns = 0;          ///< one frame
    u64 shown_ns_of_line = 0;  ///< from the start of a line to its blanking
    unsigned shown_lines = 0;
    unsigned retrace_first = 0, retrace_end = 0;  ///< lines [first, end) of the vertical retrace
};

/// Registers that make no picture (all zero, a total shorter than what is shown) give the times of 720x400 at 70 Hz.
VgaTiming vga_timing(const VgaRegisters& r);

/// Bits 0 (display disabled) and 3 (vertical retrace) of input status register 1 at this virtual time.
u8 vga_beam_status(const VgaRegisters& r, u64 now_ns);

}  // namespace twin86
