// The three ways through which an event reaches its handler. Internal to interrupts.cpp and its parts.
#pragma once

#include "cpu/semantics/interrupts.h"

namespace twin86 {

/// Real mode: the interrupt vector table (SDM vol. 3, 20.1.4).
Outcome deliver_real_mode(Cpu& cpu, const Event& event);
/// Protected and VM86 mode without EFER.LMA: 8-byte gates, `flags` is the image to be pushed.
Outcome deliver_protected_mode(Cpu& cpu, const Event& event, u64 flags);
/// EFER.LMA: 16-byte gates, IST (SDM vol. 3, 6.14).
Outcome deliver_long_mode(Cpu& cpu, const Event& event, u64 flags);

/// Pushes FLAGS, CS, IP and jumps through the vector table at linear `table` (real mode and VME redirection).
Outcome enter_8086_handler(Cpu& cpu, u8 vector, Gva table, u16 pushed_flags);

/// Error code that names an IDT entry.
inline u32 idt_error(const Event& event) {
    return event.vector * 8u + 2 + event.ext();
}

/// TF, NT, RF and VM are cleared on entry to any handler, IF by interrupt gates.
inline void enter_handler_flags(CpuState& s, bool interrupt_gate) {
    s.rflags &= ~u64{kFlagTF | kFlagNT | kFlagRF | kFlagVM};
    if (interrupt_gate) s.rflags &= ~u64{kFlagIF};
}

}  // namespace twin86
