// Hardware breakpoints: which of DR0-3 an access hits. SDM vol. 3, 17.2.4, 17.2.5 and table 17-1.
#pragma once

#include "cpu/state/cpu_state.h"

namespace twin86 {

constexpr u64 kDr6Bs = bit(14);

/// DR7 enables one of them, locally or globally.
constexpr bool any_breakpoint(const CpuState& s) { return (s.dr[7] & 0xff) != 0; }

/// What DR7 says of one breakpoint.
enum class BreakpointKind : u8 { kOff, kExecute, kWrite, kPort, kAccess };
BreakpointKind breakpoint_kind(const CpuState& s, unsigned n);

/// The DR6 bits B0-B3 of the breakpoints that an instruction at this linear address, a data access, or a port access hits.
u64 code_breakpoints(const CpuState& s, Gva linear);
u64 data_breakpoints(const CpuState& s, Gva linear, unsigned size, bool write);
u64 port_breakpoints(const CpuState& s, IoPort port, unsigned size);

}  // namespace twin86
