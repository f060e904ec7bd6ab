// The task state segment: stacks of inner levels and the I/O permission map, SDM vol. 3, chapter 7.
#pragma once

#include "cpu/semantics/cpu.h"
#include "cpu/semantics/stack.h"

namespace twin86 {

inline bool tss_is_32bit(const CpuState& s) {
    return s.tr.attributes & 8;
}

/// Reads from the current TSS; beyond its limit #TS(TR | ext).
Outcome read_tss(Cpu& cpu, unsigned offset, void* to, unsigned size, u32 ext = 0);

/// The stack for `cpl` from a legacy TSS, with all checks on SSn and its descriptor.
Outcome load_inner_stack(Cpu& cpu, unsigned cpl, u32 ext, PushFrame::Stack& stack);

/// RSPn (ist = 0) or ISTn of the 64-bit TSS.
Outcome load_stack64(Cpu& cpu, unsigned cpl, unsigned ist, u32 ext, u64& rsp);

/// IN, OUT, INS, OUTS: IOPL, else the permission map; #GP(0).
Outcome check_io_permission(Cpu& cpu, IoPort port, unsigned size);

/// Redirection bit of INT n in VM86 mode with CR4.VME: true when the 8086 program's own handler is to be used.
Outcome vme_redirected(Cpu& cpu, u8 vector, bool& to_8086_handler);

}  // namespace twin86
