// The guest's time-stamp counter.
#pragma once

#include "cpu/semantics/cpu.h"

namespace twin86 {

/// What RDTSC returns: the host's scaled time, plus the machine's offset, plus TSC_ADJUST.
u64 guest_tsc(Cpu& cpu);

}  // namespace twin86
