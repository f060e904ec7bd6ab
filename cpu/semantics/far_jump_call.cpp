// Far JMP and CALL: code segments, call gates, task gates and TSSs. SDM vol. 2, JMP and CALL; vol. 3, 5.8.
#include "cpu/semantics/handlers.h"
#include "cpu/semantics/memory.h"
#include "cpu/semantics/privilege.h"
#include "cpu/semantics/segment_load.h"
#include "cpu/semantics/task_switch.h"
#include "cpu/semantics/transfer.h"
#include "cpu/semantics/tss.h"

namespace twin86 {
namespace {

struct FarTarget {
    u16 selector = 0;
    u64 offset = 0;
    unsigned bytes = 4;  ///< operand size: of the offset and of a CALL's pushes
};

/// m16:64 exists on Intel only; AMD ignores REX.W here (APM vol. 3, JMP far).
Outcome fetch_target(Cpu& cpu, const Insn& insn, FarTarget& t) {
    t.bytes = insn.operand_bits == 64 && cpu.traits.amd ? 4 : insn.operand_bits / 8;
    if (!insn.has_mem) {
        t.offset = truncate(static_cast<u64>(insn.imm), t.bytes);
        t.selector = static_cast<u16>(insn.imm2);
        return Outcome::success();
    }
    u8 raw[10] = {};
    TRY_GUEST(read_operand(cpu, insn, raw, t.bytes + 2));
    for (unsigned i = 0; i < t.bytes; ++i) t.offset |= u64{raw[i]} << (8 * i);
    t.selector = static_cast<u16>(raw[t.bytes] | raw[t.bytes + 1] << 8);
    return Outcome::success();
}

Outcome push_return_address(Cpu& cpu, unsigned bytes) {
    PushFrame frame(cpu, current_stack(cpu.s), bytes);
    frame.push(cpu.s.segment[kCs].selector);
    frame.push(cpu.s.rip);
    TRY_GUEST(frame.store());
    set_stack_pointer(cpu.s, frame.pointer());
    return Outcome::success();
}

Outcome far_8086(Cpu& cpu, const FarTarget& t, bool call) {
    if (t.offset > cpu.s.segment[kCs].limit) return Outcome::fault(kVectorGP, 0);
    if (call) TRY_GUEST(push_return_address(cpu, t.bytes));
    return jump_8086(cpu, t.selector, t.offset);
}

void load_cs(CpuState& s, u16 selector, const Descriptor& code, u64 offset) {
    const unsigned cpl = s.cpl();
    s.segment[kCs] = make_segment(static_cast<u16>((selector & ~3) | cpl), code);
    s.rip = offset;
}

Outcome to_code_segment(Cpu& cpu, const FarTarget& t, Descriptor& code, bool call) {
    CpuState& s = cpu.s;
    const Outcome bad = Outcome::fault(kVectorGP, selector_error(t.selector));
    const unsigned cpl = s.cpl();
    if (code.is_conforming_code() ? code.dpl() > cpl : ((t.selector & 3u) > cpl || code.dpl() != cpl)) return bad;
    if (!valid_code_size(s, code)) return bad;
    if (!code.present()) return Outcome::fault(kVectorNP, selector_error(t.selector));
    TRY_GUEST(check_target_ip(s, code, t.offset));
    TRY_GUEST(mark_accessed(cpu, t.selector, code));
    if (call) TRY_GUEST(push_return_address(cpu, t.bytes));
    load_cs(s, t.selector, code, t.offset);
    return Outcome::success();
}

// Call gates.

struct Gate {
    Descriptor gate, code;
    u16 selector = 0;  ///< of the code segment
    u64 offset = 0;
    unsigned bytes = 4;
};

Outcome read_gate_target(Cpu& cpu, u16 gate_selector, Gate& g) {
    const CpuState& s = cpu.s;
    const unsigned cpl = s.cpl();
    if (g.gate.dpl() < cpl || g.gate.dpl() < (gate_selector & 3u))
        return Outcome::fault(kVectorGP, selector_error(gate_selector));
    if (!g.gate.present()) return Outcome::fault(kVectorNP, selector_error(gate_selector));
    if (s.long_mode()) TRY_GUEST(read_descriptor_upper(cpu, gate_selector, g.gate));
    g.selector = g.gate.gate_selector();
    g.bytes = s.long_mode() ? 8 : g.gate.type() == kCallGate ? 4 : 2;
    g.offset = g.bytes == 2 ? g.gate.gate_offset() & 0xffff : g.gate.gate_offset();
    if (null_selector(g.selector)) return Outcome::fault(kVectorGP, 0);
    TRY_GUEST(read_descriptor(cpu, g.selector, g.code));
    const Outcome bad = Outcome::fault(kVectorGP, selector_error(g.selector));
    if (!g.code.is_code() || g.code.dpl() > cpl) return bad;
    if (s.long_mode() && (!g.code.long_mode() || g.code.default_big())) return bad;
    if (!g.code.present()) return Outcome::fault(kVectorNP, selector_error(g.selector));
    return Outcome::success();
}

/// Parameters of a legacy gate, first pushed first (they end up in the same order).
Outcome copy_parameters(Cpu& cpu, const Gate& g, PushFrame& frame) {
    const CpuState& s = cpu.s;
    for (unsigned i = g.gate.gate_parameters(); i-- > 0;) {
        u64 value = 0;
        const u64 offset = (s.gpr[kRsp] + u64{i} * g.bytes) & stack_mask(s);
        TRY_GUEST(read_segment(cpu, kSs, offset, &value, g.bytes));
        frame.push(value);
    }
    return Outcome::success();
}

Outcome call_inner_level(Cpu& cpu, Gate& g) {
    CpuState& s = cpu.s;
    const unsigned cpl = g.code.dpl();
    const bool wide = s.long_mode();
    PushFrame::Stack stack;
    if (wide) {
        stack = {s.segment[kSs], 0, ~u64{0}, true, true, 0};
        TRY_GUEST(load_stack64(cpu, cpl, 0, 0, stack.rsp));
    } else {
        TRY_GUEST(load_inner_stack(cpu, cpl, 0, stack));
    }
    PushFrame frame(cpu, stack, g.bytes);
    frame.push(s.segment[kSs].selector);
    frame.push(s.gpr[kRsp]);
    if (!wide) TRY_GUEST(copy_parameters(cpu, g, frame));
    frame.push(s.segment[kCs].selector);
    frame.push(s.rip);
    TRY_GUEST(check_target_ip(s, g.code, g.offset));
    TRY_GUEST(mark_accessed(cpu, g.selector, g.code));
    TRY_GUEST(frame.store());
    s.segment[kSs] = wide ? null_segment(static_cast<u16>(cpl), cpl) : stack.ss;
    load_cs(s, g.selector, g.code, g.offset);
    s.gpr[kRsp] = (stack.rsp & ~stack.mask) | frame.pointer();
    return Outcome::success();
}

Outcome through_call_gate(Cpu& cpu, u16 gate_selector, const Descriptor& descriptor, bool call) {
    CpuState& s = cpu.s;
    Gate g;
    g.gate = descriptor;
    TRY_GUEST(read_gate_target(cpu, gate_selector, g));
    const bool inner = !g.code.is_conforming_code() && g.code.dpl() < s.cpl();
    if (inner && !call) return Outcome::fault(kVectorGP, selector_error(g.selector));
    if (inner) return call_inner_level(cpu, g);
    TRY_GUEST(check_target_ip(s, g.code, g.offset));
    TRY_GUEST(mark_accessed(cpu, g.selector, g.code));
    if (call) {
        PushFrame::Stack stack = current_stack(s);
        if (s.long_mode()) stack.flat64 = true, stack.mask = ~u64{0};
        PushFrame frame(cpu, stack, g.bytes);
        frame.push(s.segment[kCs].selector);
        frame.push(s.rip);
        TRY_GUEST(frame.store());
        if (s.long_mode())
            s.gpr[kRsp] = frame.pointer();
        else
            set_stack_pointer(s, frame.pointer());
    }
    load_cs(s, g.selector, g.code, g.offset);
    return Outcome::success();
}

Outcome through_task_gate(Cpu& cpu, u16 selector, const Descriptor& gate, TaskSwitchCause cause) {
    if (gate.dpl() < cpu.s.cpl() || gate.dpl() < (selector & 3u))
        return Outcome::fault(kVectorGP, selector_error(selector));
    if (!gate.present()) return Outcome::fault(kVectorNP, selector_error(selector));
    return switch_to_available_tss(cpu, gate.gate_selector(), {cause, 0, cpu.s.rflags, {}});
}

Outcome to_tss(Cpu& cpu, u16 selector, const Descriptor& tss, TaskSwitchCause cause) {
    if (tss.dpl() < cpu.s.cpl() || tss.dpl() < (selector & 3u))
        return Outcome::fault(kVectorGP, selector_error(selector));
    return switch_to_available_tss(cpu, selector, {cause, 0, cpu.s.rflags, {}});
}

Outcome far_transfer(Cpu& cpu, const Insn& insn, bool call) {
    FarTarget t;
    TRY_GUEST(fetch_target(cpu, insn, t));
    if (is_8086_mode(cpu.s)) return far_8086(cpu, t, call);
    if (null_selector(t.selector)) return Outcome::fault(kVectorGP, 0);
    Descriptor d;
    TRY_GUEST(read_descriptor(cpu, t.selector, d));
    const Outcome bad = Outcome::fault(kVectorGP, selector_error(t.selector));
    if (d.is_code()) return to_code_segment(cpu, t, d, call);
    if (d.code_or_data()) return bad;
    const bool legacy = !cpu.s.long_mode();
    const TaskSwitchCause cause = call ? TaskSwitchCause::kCall : TaskSwitchCause::kJump;
    switch (d.type()) {
        case kCallGate:
            return through_call_gate(cpu, t.selector, d, call);
        case kCallGate16:
            return legacy ? through_call_gate(cpu, t.selector, d, call) : bad;
        case kTaskGate:
            return legacy ? through_task_gate(cpu, t.selector, d, cause) : bad;
        case kTss16Available:
        case kTssAvailable:
            return legacy ? to_tss(cpu, t.selector, d, cause) : bad;
        default:
            return bad;
    }
}

}  // namespace

Outcome do_far_jmp(Cpu& cpu, const Insn& insn) {
    return far_transfer(cpu, insn, false);
}

Outcome do_far_call(Cpu& cpu, const Insn& insn) {
    return far_transfer(cpu, insn, true);
}

}  // namespace twin86
