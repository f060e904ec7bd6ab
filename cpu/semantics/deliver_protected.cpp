// Delivery through 16- and 32-bit gates and task gates, also out of VM86 mode. SDM vol. 3, 6.12 and 20.3.1; vol. 2,
// INT.
#include "cpu/semantics/delivery.h"
#include "cpu/semantics/descriptor.h"
#include "cpu/semantics/segment_load.h"
#include "cpu/semantics/task_switch.h"
#include "cpu/semantics/transfer.h"
#include "cpu/semantics/tss.h"

namespace twin86 {
namespace {

bool is_gate(const Descriptor& d) {
    if (d.code_or_data()) return false;
    const unsigned type = d.type();
    return type == kTaskGate || (type & 7) == kInterruptGate16 || (type & 7) == kTrapGate16;
}

Outcome read_gate(Cpu& cpu, const Event& event, Descriptor& gate) {
    const CpuState& s = cpu.s;
    const unsigned offset = event.vector * 8u;
    const Outcome bad = Outcome::fault(kVectorGP, idt_error(event));
    if (offset + 7 > s.idtr.limit) return bad;
    u32 words[2] = {};
    TRY_GUEST(cpu.host.read_linear(static_cast<u32>(s.idtr.base + offset), words, 8, true));
    gate = {words[0], words[1], 0};
    if (!is_gate(gate)) return bad;
    if (event.from_instruction() && gate.dpl() < s.cpl()) return bad;
    return gate.present() ? Outcome::success() : Outcome::fault(kVectorNP, idt_error(event));
}

Outcome read_handler_segment(Cpu& cpu, u16 selector, u32 ext, Descriptor& code) {
    if (null_selector(selector)) return Outcome::fault(kVectorGP, ext);
    TRY_GUEST(read_descriptor(cpu, selector, code, kVectorGP, ext));
    const u32 error = selector_error(selector) | ext;
    if (!code.is_code() || code.dpl() > cpu.s.cpl()) return Outcome::fault(kVectorGP, error);
    // VM86 mode is left to CPL 0 only.
    if (cpu.s.vm86() && (code.is_conforming_code() || code.dpl() != 0)) return Outcome::fault(kVectorGP, error);
    return code.present() ? Outcome::success() : Outcome::fault(kVectorNP, error);
}

void push_frame(PushFrame& frame, const CpuState& s, const Event& event, u64 flags, bool inner) {
    if (s.vm86())
        for (const unsigned i : {kGs, kFs, kDs, kEs}) frame.push(s.segment[i].selector);
    if (inner) {
        frame.push(s.segment[kSs].selector);
        frame.push(s.gpr[kRsp]);
    }
    frame.push(flags);
    frame.push(s.segment[kCs].selector);
    frame.push(s.rip);
    if (event.has_error_code) frame.push(event.error_code);
}

Outcome through_gate(Cpu& cpu, const Event& event, const Descriptor& gate, u64 flags) {
    CpuState& s = cpu.s;
    const u32 ext = event.ext();
    const u16 selector = gate.gate_selector();
    const bool wide = gate.type() & 8;
    const u64 offset = wide ? gate.gate_offset() : gate.gate_offset() & 0xffff;
    Descriptor code;
    TRY_GUEST(read_handler_segment(cpu, selector, ext, code));
    const unsigned new_cpl = code.is_conforming_code() ? s.cpl() : code.dpl();
    const bool inner = new_cpl < s.cpl();

    PushFrame::Stack stack = current_stack(s);
    stack.fault_code = ext;
    if (inner) TRY_GUEST(load_inner_stack(cpu, new_cpl, ext, stack));
    TRY_GUEST(check_target_ip(s, code, offset, ext));
    TRY_GUEST(mark_accessed(cpu, selector, code));
    PushFrame frame(cpu, stack, wide ? 4 : 2);
    push_frame(frame, s, event, flags, inner);
    TRY_GUEST(frame.store());

    if (s.vm86())
        for (const unsigned i : {kGs, kFs, kDs, kEs}) s.segment[i] = null_segment(0);
    if (inner) s.segment[kSs] = stack.ss;
    s.segment[kCs] = make_segment(static_cast<u16>((selector & ~3) | new_cpl), code);
    s.gpr[kRsp] = (stack.rsp & ~stack.mask) | frame.pointer();
    s.rip = offset;
    enter_handler_flags(s, (gate.type() & 7) == kInterruptGate16);
    return Outcome::success();
}

Outcome through_task_gate(Cpu& cpu, const Event& event, const Descriptor& gate, u64 flags) {
    TaskSwitch how{TaskSwitchCause::kInterrupt, event.ext(), flags, {}};
    if (event.has_error_code) how.error_code = event.error_code;
    return switch_to_available_tss(cpu, gate.gate_selector(), how);
}

}  // namespace

Outcome deliver_protected_mode(Cpu& cpu, const Event& event, u64 flags) {
    Descriptor gate;
    TRY_GUEST(read_gate(cpu, event, gate));
    return gate.type() == kTaskGate ? through_task_gate(cpu, event, gate, flags)
                                    : through_gate(cpu, event, gate, flags);
}

}  // namespace twin86
