// The table behind op_handler: one row for each Helper and EndBlock op of cpu/decode/op.h.
#include <array>

#include "cpu/semantics/handlers.h"

#define TWIN86_OP_HANDLERS(X)                                                                                          \
    X(Cpuid, do_cpuid)                                                                                                 \
    X(Rdtsc, do_rdtsc) X(Rdtscp, do_rdtscp) X(Rdpid, do_rdpid) X(Rdpmc, do_rdpmc) X(Rdmsr, do_rdmsr)                   \
        X(Xgetbv, do_xgetbv) X(In, do_in) X(Out, do_out) X(Smsw, do_smsw) X(Sgdt, do_sgdt) X(Sidt, do_sidt)            \
            X(Sldt, do_sldt) X(Str, do_str) X(Lar, do_lar) X(Lsl, do_lsl) X(Verr, do_verr) X(Verw, do_verw)            \
                X(Arpl, do_arpl) X(Pushf, do_pushf) X(Pusha, do_pusha) X(Popa, do_popa) X(Enter, do_enter) X(          \
                    Bound, do_bound) X(Daa, do_daa) X(Das, do_das) X(Aaa, do_aaa) X(Aas, do_aas) X(Aam, do_aam)        \
                    X(Aad, do_aad) X(Wbinvd, do_wbinvd) X(Invd, do_invd) X(Monitor, do_monitor) X(Clflush, do_clflush) \
                        X(Clzero, do_clzero)                                                                           \
                        X(MovFromCr, do_mov_from_cr) X(MovFromDr, do_mov_from_dr) X(Wrfsbase, do_wrfsbase) X(          \
                            Wrgsbase, do_wrgsbase) X(Lldt, do_lldt) X(Ltr, do_ltr) X(Sti, do_sti) X(Cli, do_cli)       \
                            X(Xsave, do_xsave) X(Xsaveopt, do_xsaveopt) X(Xsavec, do_xsavec) X(Xsaves, do_xsaves) X(   \
                                Xrstor, do_xrstor) X(Xrstors, do_xrstors) X(Fxsave, do_fxsave) X(Fxrstor, do_fxrstor)  \
                                X(Fnsave, do_fnsave) X(Frstor, do_frstor) X(Fnstenv, do_fnstenv) X(Fldenv, do_fldenv)  \
                                    X(Popf, do_popf) X(Stac, do_stac) X(Clac, do_clac) X(Cld, do_cld) X(Std, do_std)   \
                                        X(Wrmsr, do_wrmsr) X(Xsetbv, do_xsetbv) X(MovToCr, do_mov_to_cr) X(            \
                                            MovToDr, do_mov_to_dr) X(Clts, do_clts) X(Lmsw, do_lmsw) X(Lgdt, do_lgdt)  \
                                            X(Lidt, do_lidt) X(Invlpg, do_invlpg) X(Invpcid, do_invpcid) X(            \
                                                Swapgs, do_swapgs) X(Hlt, do_hlt)                                      \
                                                X(Mwait, do_mwait) X(MovToSeg, do_mov_to_seg) X(PushSeg, do_push_seg)  \
                                                    X(PopSeg, do_pop_seg) X(LoadFarPointer, do_load_far_pointer) X(    \
                                                        FarCall, do_far_call) X(FarJmp, do_far_jmp)                    \
                                                        X(FarRet, do_far_ret) X(Iret, do_iret) X(Int, do_int)          \
                                                            X(Int1, do_int1) X(Int3, do_int3) X(Into, do_into)         \
                                                                X(Syscall, do_syscall) X(Sysret, do_sysret)            \
                                                                    X(Sysenter, do_sysenter) X(Sysexit, do_sysexit)    \
                                                                        X(Ins, do_ins) X(Outs, do_outs) X(Ud, do_ud)   \
                                                                            X(Rsm, do_rsm)

namespace twin86 {
namespace {

using HandlerTable = std::array<OpHandler, static_cast<unsigned>(Op::kCount)>;

constexpr HandlerTable make_table() {
    HandlerTable table{};
#define X(op, function) table[static_cast<unsigned>(Op::k##op)] = function;
    TWIN86_OP_HANDLERS(X)
#undef X
    return table;
}

constexpr HandlerTable kTable = make_table();

}  // namespace

OpHandler op_handler(Op op) {
    return op < Op::kCount ? kTable[static_cast<unsigned>(op)] : nullptr;
}

}  // namespace twin86
