// Hardware task switches, SDM vol. 3, 7.3.
#pragma once

#include <optional>

#include "cpu/semantics/cpu.h"
#include "cpu/semantics/descriptor.h"

namespace twin86 {

enum class TaskSwitchCause : u8 {
    kJump,       ///< the old task ends: its busy bit is cleared
    kCall,       ///< nested: back link and NT
    kInterrupt,  ///< nested, through a task gate of the IDT
    kReturn,     ///< IRET with NT: follows the back link
};

struct TaskSwitch {
    TaskSwitchCause cause = TaskSwitchCause::kJump;
    u32 ext = 0;                    ///< EXT bit of error codes
    u64 flags = 0;                  ///< image saved into the old TSS
    std::optional<u32> error_code;  ///< pushed onto the new task's stack
};

/// The selector of a jump, call or gate: GDT, available TSS, present; then switches. Faults before the commit point are
/// returned and leave the old task; later ones belong to the new task and are raised there at once.
Outcome switch_to_available_tss(Cpu& cpu, u16 selector, const TaskSwitch& how);

/// IRET with NT set.
Outcome return_to_previous_task(Cpu& cpu);

}  // namespace twin86
