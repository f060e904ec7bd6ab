// PUSHA, POPA and ENTER, SDM vol. 2.
#include "cpu/semantics/handlers.h"
#include "cpu/semantics/memory.h"
#include "cpu/semantics/stack.h"

namespace twin86 {

Outcome do_pusha(Cpu& cpu, const Insn& insn) {
    PushFrame frame(cpu, current_stack(cpu.s), stack_operand_bytes(insn));
    for (unsigned i = 0; i < 8; ++i) frame.push(cpu.s.gpr[i]);  // RSP as it was before
    TRY_GUEST(frame.probe_in_order());
    TRY_GUEST(frame.store());
    set_stack_pointer(cpu.s, frame.pointer());
    return Outcome::success();
}

Outcome do_popa(Cpu& cpu, const Insn& insn) {
    const unsigned bytes = stack_operand_bytes(insn);
    PopFrame frame(cpu, bytes);
    u64 values[8];
    for (unsigned i = 8; i-- > 0;) TRY_GUEST(frame.pop(values[i]));
    frame.commit();
    for (unsigned i = 0; i < 8; ++i)
        if (i != kRsp) write_gpr(cpu.s, i, bytes * 8, values[i]);
    return Outcome::success();
}

Outcome do_enter(Cpu& cpu, const Insn& insn) {
    CpuState& s = cpu.s;
    const unsigned bytes = stack_operand_bytes(insn);
    const unsigned level = insn.imm2 & 31;
    const u64 mask = stack_mask(s);
    PushFrame frame(cpu, current_stack(s), bytes);
    frame.push(s.gpr[kRbp]);
    const u64 frame_pointer = frame.pointer();
    TRY_GUEST(check_segment(cpu, kSs, frame_pointer, bytes, true));
    TRY_GUEST(cpu.host.probe_write(segment_linear(s, kSs, frame_pointer), bytes));  // the first push faults first
    for (unsigned i = 1; i < level; ++i) {
        u64 outer = 0;
        TRY_GUEST(frame.store());  // an outer frame may overlap the new one: its pointers are read after the pushes
        TRY_GUEST(read_segment(cpu, kSs, (s.gpr[kRbp] - u64{i} * bytes) & mask, &outer, bytes));
        frame.push(outer);
    }
    TRY_GUEST(frame.store());
    const u64 pushed = (s.gpr[kRsp] & ~mask) | frame_pointer;  // all of ESP, also where the stack has 16 bits
    if (level) frame.push(pushed);
    const u64 top = (frame.pointer() - static_cast<u16>(insn.imm)) & mask;
    TRY_GUEST(frame.store());
    TRY_GUEST(check_segment(cpu, kSs, top, bytes, true));
    TRY_GUEST(cpu.host.probe_write(segment_linear(s, kSs, top), bytes));  // the new top must be writable
    write_gpr(s, kRbp, bytes * 8, pushed);  // by the operand size, as AMD's manual has it; Intel's: by that of the stack
    set_stack_pointer(s, top);
    return Outcome::success();
}

}  // namespace twin86
