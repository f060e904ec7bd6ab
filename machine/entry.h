// Processor state at power-on and at the entry of a directly booted kernel.
#pragma once

#include "bios/boot_plan.h"
#include "cpu/state/cpu_state.h"

namespace twin86 {

/// SDM vol. 3, table 9-1: real mode at f000:fff0.
void reset_processor(CpuState& state);
/// The state that a BootPlan describes, on top of a reset.
void enter_plan(CpuState& state, const BootPlan& plan);

}  // namespace twin86
