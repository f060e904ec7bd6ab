// TaskState: the dynamic part of a TSS in either width, SDM vol. 3, figures 7-2 and 7-10.
#pragma once

#include "cpu/semantics/cpu.h"

namespace twin86 {

struct TaskState {
    u16 link = 0;
    u32 cr3 = 0, eip = 0, eflags = 0;
    u32 gpr[8] = {};
    u16 segment[6] = {};  ///< by SegmentIndex
    u16 ldt = 0;
    bool debug_trap = false;
};

constexpr unsigned kTss32Limit = 0x67, kTss16Limit = 0x2b;

/// Reads the TSS at a linear address.
Outcome read_task_state(Cpu& cpu, u64 base, bool wide, TaskState& out);

/// Bytes and place of what a switch saves: EIP up to the segment registers.
struct SavedTask {
    u8 bytes[64] = {};
    unsigned offset = 0, size = 0;
};
SavedTask encode_task(const CpuState& s, bool wide, u64 flags);

}  // namespace twin86
