#include "cpu/semantics/transfer.h"

#include "cpu/semantics/memory.h"
#include "cpu/semantics/segment_load.h"

namespace twin86 {

bool valid_code_size(const CpuState& s, const Descriptor& code) {
    return !(s.long_mode() && code.long_mode() && code.default_big());
}

Outcome check_target_ip(const CpuState& s, const Descriptor& code, u64 rip, u32 ext) {
    const bool good = s.long_mode() && code.long_mode() ? canonical(s, rip) : rip <= code.limit();
    return good ? Outcome::success() : Outcome::fault(kVectorGP, ext);
}

Outcome check_return_code(Cpu& cpu, ReturnTarget& t) {
    const CpuState& s = cpu.s;
    if (null_selector(t.cs)) return Outcome::fault(kVectorGP, 0);
    const Outcome bad = Outcome::fault(kVectorGP, selector_error(t.cs));
    Descriptor code;
    TRY_GUEST(read_descriptor(cpu, t.cs, code));
    if (!code.is_code() || t.cpl() < s.cpl() || !valid_code_size(s, code)) return bad;
    if (code.is_conforming_code() ? code.dpl() > t.cpl() : code.dpl() != t.cpl()) return bad;
    if (!code.present()) return Outcome::fault(kVectorNP, selector_error(t.cs));
    TRY_GUEST(check_target_ip(s, code, t.rip));
    TRY_GUEST(mark_accessed(cpu, t.cs, code));
    t.code = make_segment(t.cs, code);
    t.long_mode = s.long_mode() && code.long_mode();
    return Outcome::success();
}

Outcome check_return_stack(Cpu& cpu, ReturnTarget& t) {
    if (null_selector(t.ss)) {
        if (!t.long_mode || t.cpl() == 3 || (t.ss & 3u) != t.cpl()) return Outcome::fault(kVectorGP, 0);
        t.stack = null_segment(t.ss, t.cpl());
        return Outcome::success();
    }
    const u32 error = selector_error(t.ss);
    Descriptor stack;
    TRY_GUEST(read_descriptor(cpu, t.ss, stack));
    if ((t.ss & 3u) != t.cpl() || !stack.is_writable_data() || stack.dpl() != t.cpl())
        return Outcome::fault(kVectorGP, error);
    if (!stack.present()) return Outcome::fault(kVectorSS, error);
    TRY_GUEST(mark_accessed(cpu, t.ss, stack));
    t.stack = make_segment(t.ss, stack);
    return Outcome::success();
}

void enter(CpuState& s, const ReturnTarget& t, bool with_stack) {
    const unsigned old_cpl = s.cpl();
    s.segment[kCs] = t.code;
    s.rip = t.rip;
    if (!with_stack) return;
    s.segment[kSs] = t.stack;
    set_stack_pointer(s, t.rsp);
    if (t.cpl() > old_cpl) drop_inner_segments(s);
}

Outcome jump_8086(Cpu& cpu, u16 selector, u64 ip) {
    CpuState& s = cpu.s;
    if (ip > s.segment[kCs].limit) return Outcome::fault(kVectorGP, 0);
    s.segment[kCs] = segment_8086(s, s.segment[kCs], selector);
    s.rip = ip;
    return Outcome::success();
}

}  // namespace twin86
