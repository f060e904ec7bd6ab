// What hostile code finds in memory: paging structures, descriptors, gates and a TSS, mostly sound, some of it random.
#pragma once

#include "cpu/state/cpu_state.h"
#include "tests/fuzz/fuzz_case.h"

namespace twin86::fuzz {

// Physical layout; linear addresses are the same. Real-mode code can reach all of it but the last.
constexpr Gpa kGdtAt = 0x1000, kIdtAt = 0x2000, kTssAt = 0x4000, kPagingAt = 0x8000, kCodeAt = 0x10000, kStackTop = 0x2f000, kDataAt = 0x30000;
constexpr u64 kRamSize = 2 * MiB;
constexpr Gpa kDeviceAt = 0x300000;  ///< mapped by page tables: MMIO

/// Fills RAM and sets the state to the start of the case.
void set_up(const FuzzCase& c, const CpuState& reset, u8* ram, CpuState& s);

}  // namespace twin86::fuzz
