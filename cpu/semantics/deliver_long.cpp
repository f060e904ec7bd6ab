// Interrupt and exception delivery in IA-32e mode, SDM vol. 3, 6.14; APM vol. 2, 8.9.
#include "cpu/semantics/delivery.h"
#include "cpu/semantics/descriptor.h"
#include "cpu/semantics/memory.h"
#include "cpu/semantics/tss.h"

namespace twin86 {
namespace {

Outcome read_gate(Cpu& cpu, const Event& event, Descriptor& gate) {
    const CpuState& s = cpu.s;
    const unsigned offset = event.vector * 16u;
    const Outcome bad = Outcome::fault(kVectorGP, idt_error(event));
    if (offset + 15 > s.idtr.limit) return bad;
    u32 words[4] = {};
    TRY_GUEST(cpu.host.read_linear(s.idtr.base + offset, words, 16, true));
    gate = {words[0], words[1], words[2]};
    if (!gate.is_system(kInterruptGate) && !gate.is_system(kTrapGate)) return bad;
    if (event.from_instruction() && gate.dpl() < s.cpl()) return bad;
    if (!gate.present()) return Outcome::fault(kVectorNP, idt_error(event));
    return Outcome::success();
}

Outcome read_handler_segment(Cpu& cpu, u16 selector, u32 ext, Descriptor& code) {
    if (null_selector(selector)) return Outcome::fault(kVectorGP, ext);
    TRY_GUEST(read_descriptor(cpu, selector, code, kVectorGP, ext));
    const u32 error = selector_error(selector) | ext;
    if (!code.is_code() || code.dpl() > cpu.s.cpl()) return Outcome::fault(kVectorGP, error);
    if (!code.present()) return Outcome::fault(kVectorNP, error);
    if (!code.long_mode() || code.default_big()) return Outcome::fault(kVectorGP, error);
    return mark_accessed(cpu, selector, code);
}

/// RSP of the handler: from the TSS for an inner level or an IST entry, else the current one; always aligned to 16.
Outcome choose_stack(Cpu& cpu, unsigned new_cpl, unsigned ist, u32 ext, PushFrame::Stack& stack) {
    const CpuState& s = cpu.s;
    stack = {s.segment[kSs], s.gpr[kRsp], ~u64{0}, true, new_cpl < s.cpl(), ext};
    if (new_cpl < s.cpl() || ist) TRY_GUEST(load_stack64(cpu, new_cpl, ist, ext, stack.rsp));
    stack.rsp &= ~u64{0xf};
    return Outcome::success();
}

void push_frame(PushFrame& frame, const CpuState& s, const Event& event, u64 flags) {
    frame.push(s.segment[kSs].selector);
    frame.push(s.gpr[kRsp]);
    frame.push(flags);
    frame.push(s.segment[kCs].selector);
    frame.push(s.rip);
    if (event.has_error_code) frame.push(event.error_code);
}

}  // namespace

Outcome deliver_long_mode(Cpu& cpu, const Event& event, u64 flags) {
    CpuState& s = cpu.s;
    const u32 ext = event.ext();
    Descriptor gate, code;
    TRY_GUEST(read_gate(cpu, event, gate));
    TRY_GUEST(read_handler_segment(cpu, gate.gate_selector(), ext, code));
    const unsigned new_cpl = code.is_conforming_code() ? s.cpl() : code.dpl();
    if (!canonical(s, gate.gate_offset())) return Outcome::fault(kVectorGP, ext);

    PushFrame::Stack stack;
    TRY_GUEST(choose_stack(cpu, new_cpl, gate.gate_ist(), ext, stack));
    PushFrame frame(cpu, stack, 8);
    push_frame(frame, s, event, flags);
    TRY_GUEST(frame.store());

    if (new_cpl < s.cpl()) s.segment[kSs] = null_segment(static_cast<u16>(new_cpl), new_cpl);
    s.segment[kCs] = make_segment(static_cast<u16>((gate.gate_selector() & ~3) | new_cpl), code);
    s.gpr[kRsp] = frame.pointer();
    s.rip = gate.gate_offset();
    enter_handler_flags(s, gate.type() == kInterruptGate);
    return Outcome::success();
}

}  // namespace twin86
