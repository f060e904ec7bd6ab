// Operands in memory: effective and linear addresses, segment checks, typed reads and writes (SDM vol. 3, 5.3 and 5.4).
#pragma once

#include "cpu/semantics/cpu.h"

namespace twin86 {

/// Canonical for the current paging mode (48 bits, 57 with CR4.LA57).
bool canonical(const CpuState& s, u64 address);

u64 read_gpr(const CpuState& s, unsigned number, unsigned operand_bits);
/// 32-bit writes zero the upper half, narrower ones merge.
void write_gpr(CpuState& s, unsigned number, unsigned operand_bits, u64 value);

/// base + index * scale + disp, wrapped to the address size.
u64 effective_address(const Cpu& cpu, const Insn& insn);
/// Segment base + offset: 64 bits in 64-bit mode, where only FS and GS have a base; 32 bits elsewhere.
Gva segment_linear(const CpuState& s, unsigned segment, u64 offset);
Gva linear_address(const Cpu& cpu, const Insn& insn);

/// Limit, type and presence of the segment, or canonical form: #GP(0), for SS #SS(0).
Outcome check_segment(const Cpu& cpu, unsigned segment, u64 offset, unsigned size, bool write);

/// A cache line named by an instruction: as a read of a byte, but nothing is read, and execute-only code may be named
/// (SDM vol. 2, CLFLUSH, CLFLUSHOPT, CLWB).
Outcome probe_line(Cpu& cpu, unsigned segment, u64 offset);

/// The address that MONITOR is given: as a read of a byte, but nothing is read (SDM vol. 2, MONITOR).
Outcome probe_segment(Cpu& cpu, unsigned segment, u64 offset);

/// #AC(0) for a misaligned access at CPL 3 with CR0.AM and EFLAGS.AC. SDM vol. 3, 6.15, table 6-7; vectors of 16 bytes and
/// more must lie at multiples of 16 on AMD (APM vol. 4, exceptions of each instruction), Intel leaves open whether they fault.
Outcome check_alignment(const Cpu& cpu, Gva linear, unsigned size);

Outcome read_segment(Cpu& cpu, unsigned segment, u64 offset, void* to, unsigned size);
Outcome write_segment(Cpu& cpu, unsigned segment, u64 offset, const void* from, unsigned size);
Outcome read_operand(Cpu& cpu, const Insn& insn, void* to, unsigned size);
Outcome write_operand(Cpu& cpu, const Insn& insn, const void* from, unsigned size);

/// Touches a part of a memory operand: areas of state fault at their ends before anything else happens.
Outcome probe_operand(Cpu& cpu, const Insn& insn, unsigned offset, unsigned size, bool write);

/// r/m of 16 bits (selectors, machine status word).
Outcome read_rm16(Cpu& cpu, const Insn& insn, u16& value);

template <class T>
Outcome read_operand(Cpu& cpu, const Insn& insn, T& value) {
    return read_operand(cpu, insn, &value, sizeof(T));
}
template <class T>
Outcome write_operand(Cpu& cpu, const Insn& insn, const T& value) {
    return write_operand(cpu, insn, &value, sizeof(T));
}

/// Number of bytes of a push or pop: in 64-bit mode 8, or 2 with an operand-size prefix.
inline unsigned stack_operand_bytes(const Insn& insn) {
    if (insn.is64()) return insn.operand_bits == 16 ? 2 : 8;
    return insn.operand_bits == 16 ? 2 : 4;
}

}  // namespace twin86
