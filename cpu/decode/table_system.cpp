// System and I/O instructions, and those that would show the host's state if they were copied.
#include "cpu/decode/table_rows.h"

namespace twin86 {

namespace {

/// 0F 01 with F2 or F3 is other instructions: Zen 5 raises #UD, Zen 4 ignores the prefix.
void resolve_clzero(Insn& insn) {
    if (insn.repe || insn.repne) return set_undefined(insn);
    set_op(insn, Op::kClzero);
}

constexpr Row kRows[] = {
    OP_ROW(CPUID, Cpuid),
    OP_ROW(RDTSC, Rdtsc),
    OP_ROW(RDTSCP, Rdtscp),
    OP_ROW(RDPID, Rdpid),
    OP_ROW(RDPMC, Rdpmc),
    OP_ROW(RDMSR, Rdmsr),
    OP_ROW(WRMSR, Wrmsr),
    OP_ROW(XGETBV, Xgetbv),
    OP_ROW(XSETBV, Xsetbv),
    OP_ROW(IN, In),
    OP_ROW(OUT, Out),
    OP_ROW(INSB, Ins),
    OP_ROW(INSW, Ins),
    OP_ROW(INSD, Ins),
    OP_ROW(OUTSB, Outs),
    OP_ROW(OUTSW, Outs),
    OP_ROW(OUTSD, Outs),
    OP_ROW(SMSW, Smsw),
    OP_ROW(LMSW, Lmsw),
    OP_ROW(CLTS, Clts),
    OP_ROW(SGDT, Sgdt),
    OP_ROW(SIDT, Sidt),
    OP_ROW(SLDT, Sldt),
    OP_ROW(STR, Str),
    OP_ROW(LGDT, Lgdt),
    OP_ROW(LIDT, Lidt),
    OP_ROW(LLDT, Lldt),
    OP_ROW(LTR, Ltr),
    OP_ROW(LAR, Lar),
    OP_ROW(LSL, Lsl),
    OP_ROW(VERR, Verr),
    OP_ROW(VERW, Verw),
    OP_ROW(ARPL, Arpl),
    OP_ROW(PUSHF, Pushf),
    OP_ROW(PUSHFD, Pushf),
    OP_ROW(PUSHFQ, Pushf),
    OP_ROW(POPF, Popf),
    OP_ROW(POPFD, Popf),
    OP_ROW(POPFQ, Popf),
    OP_ROW(CLI, Cli),
    OP_ROW(STI, Sti),
    OP_ROW(CLD, Cld),
    OP_ROW(STD, Std),
    OP_ROW(STAC, Stac),
    OP_ROW(CLAC, Clac),
    OP_ROW(HLT, Hlt),
    OP_ROW(MONITOR, Monitor),
    OP_ROW(MWAIT, Mwait),
    OP_ROW(WBINVD, Wbinvd),
    OP_ROW(INVD, Invd),
    OP_ROW(INVLPG, Invlpg),
    OP_ROW(INVPCID, Invpcid),
    OP_ROW(SWAPGS, Swapgs),
    OP_ROW(RDFSBASE, Rdfsbase),
    OP_ROW(RDGSBASE, Rdgsbase),
    OP_ROW(WRFSBASE, Wrfsbase),
    OP_ROW(WRGSBASE, Wrgsbase),
    OP_ROW(RSM, Rsm),
    OP_ROW(CLFLUSH, Clflush),
    OP_ROW(CLFLUSHOPT, Clflush),
    OP_ROW(CLWB, Clflush),
    FORMS_ROW(CLZERO, resolve_clzero),
    OP_ROW(XSAVE, Xsave),
    OP_ROW(XSAVE64, Xsave),
    OP_ROW(XSAVEOPT, Xsaveopt),
    OP_ROW(XSAVEOPT64, Xsaveopt),
    OP_ROW(XSAVEC, Xsavec),
    OP_ROW(XSAVEC64, Xsavec),
    OP_ROW(XSAVES, Xsaves),
    OP_ROW(XSAVES64, Xsaves),
    OP_ROW(XRSTOR, Xrstor),
    OP_ROW(XRSTOR64, Xrstor),
    OP_ROW(XRSTORS, Xrstors),
    OP_ROW(XRSTORS64, Xrstors),
    OP_ROW(FXSAVE, Fxsave),
    OP_ROW(FXSAVE64, Fxsave),
    OP_ROW(FXRSTOR, Fxrstor),
    OP_ROW(FXRSTOR64, Fxrstor),
};

}  // namespace

Chapter system_chapter() { return {"system", {}, kRows}; }

}  // namespace twin86
