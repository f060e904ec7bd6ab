// Machine-check registers (SDM vol. 3, 16.3; APM vol. 2, 9.3): banks that are there and never report an error.
#pragma once

#include "cpu/state/cpu_state.h"

namespace twin86 {

/// MCG_CAP, MCG_STATUS, MCG_CTL, and MCi_CTL, STATUS, ADDR, MISC of every bank. No corrected-error interrupts: no CTL2.
bool is_machine_check_msr(u32 index);
/// For such an index only.
u64 read_machine_check(const CpuState& state, u32 index);
/// False: read-only, or a value that the register refuses: #GP(0), nothing changed.
bool write_machine_check(CpuState& state, u32 index, u64 value, bool amd);
void reset_machine_check(CpuState& state);

}  // namespace twin86
