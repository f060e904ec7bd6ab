// Loading segment registers, SDM vol. 2, MOV; vol. 3, 3.4.3 and 5.6.
#pragma once

#include "cpu/semantics/cpu.h"
#include "cpu/semantics/descriptor.h"

namespace twin86 {

/// ES, SS, DS, FS or GS, with all checks of the current mode; state changes only on success.
Outcome load_segment(Cpu& cpu, unsigned segment, u16 selector);
/// The checks and the result without the load.
Outcome prepare_segment(Cpu& cpu, unsigned segment, u16 selector, Segment& out);

/// Real and VM86 mode: base = selector * 16. Real mode keeps limit, B and G ("unreal" mode relies on it).
Segment segment_8086(const CpuState& s, const Segment& old, u16 selector);
/// All registers of a task that enters VM86 mode: 64 KiB, DPL 3.
Segment segment_vm86(u16 selector);

/// Return to an outer level: segments that the new CPL may not use become null (SDM vol. 3, 5.8.6), and null selectors 0 (vol. 2, IRET).
void drop_inner_segments(CpuState& s);

}  // namespace twin86
