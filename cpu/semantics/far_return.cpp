// Far RET, SDM vol. 2, RET.
#include "cpu/semantics/handlers.h"
#include "cpu/semantics/privilege.h"
#include "cpu/semantics/transfer.h"

namespace twin86 {
namespace {

Outcome return_to_outer_level(Cpu& cpu, PopFrame& frame, ReturnTarget& target, unsigned released) {
    frame.skip(released);
    u64 ss = 0;
    TRY_GUEST(frame.pop(target.rsp));
    TRY_GUEST(frame.pop(ss));
    target.ss = static_cast<u16>(ss);
    TRY_GUEST(check_return_stack(cpu, target));
    target.rsp += released;  // the outer stack holds the parameters too
    enter(cpu.s, target, true);
    return Outcome::success();
}

}  // namespace

Outcome do_far_ret(Cpu& cpu, const Insn& insn) {
    CpuState& s = cpu.s;
    const unsigned released = insn.imm_size ? insn.imm & 0xffff : 0;
    PopFrame frame(cpu, insn.operand_bits / 8);
    u64 ip = 0, cs = 0;
    TRY_GUEST(frame.pop(ip));
    TRY_GUEST(frame.pop(cs));
    if (is_8086_mode(s)) {
        TRY_GUEST(jump_8086(cpu, static_cast<u16>(cs), ip));
        frame.skip(released);
        frame.commit();
        return Outcome::success();
    }
    ReturnTarget target;
    target.cs = static_cast<u16>(cs);
    target.rip = ip;
    TRY_GUEST(check_return_code(cpu, target));
    if (target.cpl() > s.cpl()) return return_to_outer_level(cpu, frame, target, released);
    frame.skip(released);
    frame.commit();
    enter(s, target, false);
    return Outcome::success();
}

}  // namespace twin86
