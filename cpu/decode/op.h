// Op: the emitters and slow paths that instruction forms name in the table.
//
// X(name): Special ops have an emitter in accel/jit, Helper and EndBlock ops a slow path do_<name> in cpu/semantics.
#pragma once

#include "base/types.h"

/// Emitted inline by the translator.
#define TWIN86_SPECIAL_OPS(X) \
    X(Jcc) X(JmpRel) X(JmpRm) X(CallRel) X(CallRm) X(Ret) X(RetImm) X(Loop) X(Loope) X(Loopne) X(Jcxz) \
    X(PushReg) X(PushRm) X(PushImm) X(PopReg) X(PopRm) X(Leave) \
    X(Movs) X(Stos) X(Lods) X(Scas) X(Cmps) \
    X(Lea) X(MovMoffs) X(Xlat) X(MovFromSeg) X(BtMem) X(BtsMem) X(BtrMem) X(BtcMem) X(Nop) X(Prefetch) \
    X(IncShort) X(DecShort) X(Salc) X(Maskmov) X(Gather) X(Scatter) \
    X(Rdfsbase) X(Rdgsbase)

/// Slow paths after which the block goes on: they change no part of the block key.
#define TWIN86_HELPER_OPS(X) \
    X(Cpuid) X(Rdtsc) X(Rdtscp) X(Rdpid) X(Rdpmc) X(Rdmsr) X(Xgetbv) X(In) X(Out) X(Smsw) X(Sgdt) X(Sidt) X(Sldt) X(Str) X(Lar) X(Lsl) X(Verr) X(Verw) X(Arpl) \
    X(Pushf) X(Pusha) X(Popa) X(Enter) X(Bound) X(Daa) X(Das) X(Aaa) X(Aas) X(Aam) X(Aad) X(Wbinvd) X(Invd) X(Monitor) X(Clflush) X(Clzero) \
    X(MovFromCr) X(MovFromDr) X(Wrfsbase) X(Wrgsbase) X(Lldt) X(Ltr) X(Sti) X(Cli) \
    X(Xsave) X(Xsaveopt) X(Xsavec) X(Xsaves) X(Xrstor) X(Xrstors) X(Fxsave) X(Fxrstor) X(Fnsave) X(Frstor) X(Fnstenv) X(Fldenv)

/// Slow paths after which the block key or RIP may have changed.
#define TWIN86_END_BLOCK_OPS(X) \
    X(Popf) X(Stac) X(Clac) X(Cld) X(Std) X(Wrmsr) X(Xsetbv) X(MovToCr) X(MovToDr) X(Clts) X(Lmsw) X(Lgdt) X(Lidt) X(Invlpg) X(Invpcid) X(Swapgs) X(Hlt) X(Mwait) \
    X(MovToSeg) X(PushSeg) X(PopSeg) X(LoadFarPointer) X(FarCall) X(FarJmp) X(FarRet) X(Iret) X(Int) X(Int1) X(Int3) X(Into) X(Syscall) X(Sysret) X(Sysenter) X(Sysexit) \
    X(Ins) X(Outs) X(Ud) X(Rsm)

namespace twin86 {

enum class Op : u16 {
    kNone,
#define X(name) k##name,
    TWIN86_SPECIAL_OPS(X) TWIN86_HELPER_OPS(X) TWIN86_END_BLOCK_OPS(X)
#undef X
    kCount,
};

}  // namespace twin86
