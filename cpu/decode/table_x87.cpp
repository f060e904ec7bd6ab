// x87: SDM vol. 1, chapter 8. The environment forms carry instruction pointers, hence slow paths.
#include "cpu/decode/table_rows.h"

namespace twin86 {

namespace {

#define X87(X)                                                                                                       \
    X(F2XM1) X(FABS) X(FADD) X(FADDP) X(FBLD) X(FBSTP) X(FCHS) X(FCMOVB) X(FCMOVBE) X(FCMOVE) X(FCMOVNB) X(FCMOVNBE) \
    X(FCMOVNE) X(FCMOVNU) X(FCMOVU) X(FCOM) X(FCOMI) X(FCOMIP) X(FCOMP) X(FCOMPP) X(FCOS) X(FDECSTP)                 \
    X(FDISI8087_NOP) X(FDIV) X(FDIVP) X(FDIVR) X(FDIVRP) X(FENI8087_NOP) X(FFREE) X(FFREEP) X(FIADD) X(FICOM)        \
    X(FICOMP) X(FIDIV) X(FIDIVR) X(FILD) X(FIMUL) X(FINCSTP) X(FIST) X(FISTP) X(FISTTP) X(FISUB) X(FISUBR) X(FLD)    \
    X(FLD1) X(FLDCW) X(FLDL2E) X(FLDL2T) X(FLDLG2) X(FLDLN2) X(FLDPI) X(FLDZ) X(FMUL) X(FMULP) X(FNCLEX) X(FNINIT)   \
    X(FNOP) X(FNSTCW) X(FNSTSW) X(FPATAN) X(FPREM) X(FPREM1) X(FPTAN) X(FRNDINT) X(FSCALE) X(FSETPM287_NOP) X(FSIN)  \
    X(FSINCOS) X(FSQRT) X(FST) X(FSTP) X(FSTPNCE) X(FSUB) X(FSUBP) X(FSUBR) X(FSUBRP) X(FTST) X(FUCOM) X(FUCOMI)     \
    X(FUCOMIP) X(FUCOMP) X(FUCOMPP) X(FWAIT) X(FXAM) X(FXCH) X(FXTRACT) X(FYL2X) X(FYL2XP1)

constexpr u16 kCopied[] = {X87(MNEMONIC)};

constexpr Row kRows[] = {
    OP_ROW(FNSAVE, Fnsave),
    OP_ROW(FRSTOR, Frstor),
    OP_ROW(FNSTENV, Fnstenv),
    OP_ROW(FLDENV, Fldenv),
};

}  // namespace

Chapter x87_chapter() { return {"x87", kCopied, kRows}; }

}  // namespace twin86
