// Real-mode delivery through the interrupt vector table, SDM vol. 3, 20.1.4; shared by VME redirection (20.3.3.4).
#include "cpu/semantics/delivery.h"
#include "cpu/semantics/stack.h"

namespace twin86 {

Outcome enter_8086_handler(Cpu& cpu, u8 vector, Gva table, u16 pushed_flags) {
    CpuState& s = cpu.s;
    u16 entry[2] = {};
    TRY_GUEST(cpu.host.read_linear(static_cast<u32>(table + vector * 4u), entry, 4, !s.vm86()));
    PushFrame frame(cpu, current_stack(s), 2);
    frame.push(pushed_flags);
    frame.push(s.segment[kCs].selector);
    frame.push(s.rip);
    TRY_GUEST(frame.store());
    set_stack_pointer(s, frame.pointer());
    s.segment[kCs].selector = entry[1];
    s.segment[kCs].base = entry[1] * 16u;
    s.rip = entry[0];
    return Outcome::success();
}

Outcome deliver_real_mode(Cpu& cpu, const Event& event) {
    CpuState& s = cpu.s;
    if (event.vector * 4u + 3 > s.idtr.limit) return Outcome::fault(kVectorGP, idt_error(event));
    TRY_GUEST(enter_8086_handler(cpu, event.vector, s.idtr.base, static_cast<u16>(s.rflags)));
    s.rflags &= ~u64{kFlagIF | kFlagTF | kFlagRF | kFlagAC};
    return Outcome::success();
}

}  // namespace twin86
