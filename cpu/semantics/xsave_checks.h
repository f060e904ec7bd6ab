// What the XSAVE and XRSTOR instructions check alike.
#pragma once

#include "cpu/semantics/cpu.h"

namespace twin86 {

/// EDX:EAX.
u64 requested_components(const CpuState& s);

/// CR4.OSXSAVE (#UD), CR0.TS (#NM), alignment to 64 bytes (#GP).
Outcome check_xsave_operand(Cpu& cpu, const Insn& insn);

}  // namespace twin86
