// The slow paths, one do_<op> for each Helper and EndBlock op of cpu/decode/op.h, by the file that holds them.
#pragma once

#include "cpu/semantics/cpu.h"

namespace twin86 {

// segment_load.cpp
Outcome do_mov_to_seg(Cpu& cpu, const Insn& insn);
Outcome do_push_seg(Cpu& cpu, const Insn& insn);
Outcome do_pop_seg(Cpu& cpu, const Insn& insn);
Outcome do_load_far_pointer(Cpu& cpu, const Insn& insn);

// far_jump_call.cpp
Outcome do_far_call(Cpu& cpu, const Insn& insn);
Outcome do_far_jmp(Cpu& cpu, const Insn& insn);

// far_return.cpp
Outcome do_far_ret(Cpu& cpu, const Insn& insn);

// iret.cpp
Outcome do_iret(Cpu& cpu, const Insn& insn);

// syscall.cpp
Outcome do_syscall(Cpu& cpu, const Insn& insn);
Outcome do_sysret(Cpu& cpu, const Insn& insn);
Outcome do_sysenter(Cpu& cpu, const Insn& insn);
Outcome do_sysexit(Cpu& cpu, const Insn& insn);

// software_interrupt.cpp
Outcome do_int(Cpu& cpu, const Insn& insn);
Outcome do_int1(Cpu& cpu, const Insn& insn);
Outcome do_int3(Cpu& cpu, const Insn& insn);
Outcome do_into(Cpu& cpu, const Insn& insn);
Outcome do_bound(Cpu& cpu, const Insn& insn);
Outcome do_ud(Cpu& cpu, const Insn& insn);

// control_registers.cpp
Outcome do_mov_to_cr(Cpu& cpu, const Insn& insn);
Outcome do_mov_from_cr(Cpu& cpu, const Insn& insn);
Outcome do_clts(Cpu& cpu, const Insn& insn);
Outcome do_lmsw(Cpu& cpu, const Insn& insn);
Outcome do_smsw(Cpu& cpu, const Insn& insn);

// debug_registers.cpp
Outcome do_mov_to_dr(Cpu& cpu, const Insn& insn);
Outcome do_mov_from_dr(Cpu& cpu, const Insn& insn);

// msr.cpp
Outcome do_rdmsr(Cpu& cpu, const Insn& insn);
Outcome do_wrmsr(Cpu& cpu, const Insn& insn);

// timestamp.cpp
Outcome do_rdtsc(Cpu& cpu, const Insn& insn);
Outcome do_rdtscp(Cpu& cpu, const Insn& insn);
Outcome do_rdpid(Cpu& cpu, const Insn& insn);
Outcome do_rdpmc(Cpu& cpu, const Insn& insn);

// system.cpp
Outcome do_cpuid(Cpu& cpu, const Insn& insn);
Outcome do_hlt(Cpu& cpu, const Insn& insn);
Outcome do_monitor(Cpu& cpu, const Insn& insn);
Outcome do_mwait(Cpu& cpu, const Insn& insn);
Outcome do_invlpg(Cpu& cpu, const Insn& insn);
Outcome do_invpcid(Cpu& cpu, const Insn& insn);
Outcome do_wbinvd(Cpu& cpu, const Insn& insn);
Outcome do_invd(Cpu& cpu, const Insn& insn);
Outcome do_clflush(Cpu& cpu, const Insn& insn);
Outcome do_clzero(Cpu& cpu, const Insn& insn);
Outcome do_rsm(Cpu& cpu, const Insn& insn);

// segment_base.cpp
Outcome do_swapgs(Cpu& cpu, const Insn& insn);
Outcome do_wrfsbase(Cpu& cpu, const Insn& insn);
Outcome do_wrgsbase(Cpu& cpu, const Insn& insn);

// descriptor_tables.cpp
Outcome do_lgdt(Cpu& cpu, const Insn& insn);
Outcome do_lidt(Cpu& cpu, const Insn& insn);
Outcome do_sgdt(Cpu& cpu, const Insn& insn);
Outcome do_sidt(Cpu& cpu, const Insn& insn);
Outcome do_lldt(Cpu& cpu, const Insn& insn);
Outcome do_ltr(Cpu& cpu, const Insn& insn);
Outcome do_sldt(Cpu& cpu, const Insn& insn);
Outcome do_str(Cpu& cpu, const Insn& insn);

// segment_inspect.cpp
Outcome do_lar(Cpu& cpu, const Insn& insn);
Outcome do_lsl(Cpu& cpu, const Insn& insn);
Outcome do_verr(Cpu& cpu, const Insn& insn);
Outcome do_verw(Cpu& cpu, const Insn& insn);
Outcome do_arpl(Cpu& cpu, const Insn& insn);

// flags.cpp
Outcome do_pushf(Cpu& cpu, const Insn& insn);
Outcome do_popf(Cpu& cpu, const Insn& insn);
Outcome do_sti(Cpu& cpu, const Insn& insn);
Outcome do_cli(Cpu& cpu, const Insn& insn);
Outcome do_stac(Cpu& cpu, const Insn& insn);
Outcome do_clac(Cpu& cpu, const Insn& insn);
Outcome do_cld(Cpu& cpu, const Insn& insn);
Outcome do_std(Cpu& cpu, const Insn& insn);

// port_io.cpp
Outcome do_in(Cpu& cpu, const Insn& insn);
Outcome do_out(Cpu& cpu, const Insn& insn);
Outcome do_ins(Cpu& cpu, const Insn& insn);
Outcome do_outs(Cpu& cpu, const Insn& insn);

// xsave.cpp
Outcome do_xsave(Cpu& cpu, const Insn& insn);
Outcome do_xsaveopt(Cpu& cpu, const Insn& insn);
Outcome do_xsavec(Cpu& cpu, const Insn& insn);
Outcome do_xsaves(Cpu& cpu, const Insn& insn);
Outcome do_xrstor(Cpu& cpu, const Insn& insn);
Outcome do_xrstors(Cpu& cpu, const Insn& insn);

// xcr.cpp
Outcome do_xgetbv(Cpu& cpu, const Insn& insn);
Outcome do_xsetbv(Cpu& cpu, const Insn& insn);

// fxsave.cpp
Outcome do_fxsave(Cpu& cpu, const Insn& insn);
Outcome do_fxrstor(Cpu& cpu, const Insn& insn);

// x87_environment.cpp
Outcome do_fnsave(Cpu& cpu, const Insn& insn);
Outcome do_frstor(Cpu& cpu, const Insn& insn);
Outcome do_fnstenv(Cpu& cpu, const Insn& insn);
Outcome do_fldenv(Cpu& cpu, const Insn& insn);

// bcd.cpp
Outcome do_daa(Cpu& cpu, const Insn& insn);
Outcome do_das(Cpu& cpu, const Insn& insn);
Outcome do_aaa(Cpu& cpu, const Insn& insn);
Outcome do_aas(Cpu& cpu, const Insn& insn);
Outcome do_aam(Cpu& cpu, const Insn& insn);
Outcome do_aad(Cpu& cpu, const Insn& insn);

// stack_frames.cpp
Outcome do_pusha(Cpu& cpu, const Insn& insn);
Outcome do_popa(Cpu& cpu, const Insn& insn);
Outcome do_enter(Cpu& cpu, const Insn& insn);

}  // namespace twin86
