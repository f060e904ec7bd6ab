// What far jumps, calls, returns and IRET share: checks of the code segment that control goes to.
#pragma once

#include "cpu/semantics/cpu.h"
#include "cpu/semantics/descriptor.h"
#include "cpu/semantics/stack.h"

namespace twin86 {

/// Where a return goes to; filled by the check functions, applied by enter().
struct ReturnTarget {
    u16 cs = 0, ss = 0;
    u64 rip = 0, rsp = 0;
    Segment code, stack;
    bool long_mode = false;  ///< CS is a 64-bit code segment
    unsigned cpl() const { return cs & 3u; }
};

/// RIP is canonical, or within the limit of a 16/32-bit segment; #GP(ext).
Outcome check_target_ip(const CpuState& s, const Descriptor& code, u64 rip, u32 ext = 0);
/// A descriptor with L and D set is no code segment in IA-32e mode.
bool valid_code_size(const CpuState& s, const Descriptor& code);

/// Code segment of a far return or IRET: RPL >= CPL, type, presence, RIP.
Outcome check_return_code(Cpu& cpu, ReturnTarget& target);
/// SS of a return that pops it.
Outcome check_return_stack(Cpu& cpu, ReturnTarget& target);
/// Loads CS:RIP and, with `with_stack`, SS:RSP; drops inner segments when the level changes.
void enter(CpuState& s, const ReturnTarget& target, bool with_stack);

/// Real and VM86 mode: CS = selector, IP; #GP(0) beyond the limit.
Outcome jump_8086(Cpu& cpu, u16 selector, u64 ip);

}  // namespace twin86
