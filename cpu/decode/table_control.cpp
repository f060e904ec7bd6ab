// Control transfers: SDM vol. 1, 7.3.8 and 6.
#include "cpu/decode/table_rows.h"

namespace twin86 {

namespace {

/// FF /2 and /4 are near, FF /3 and /5 far through memory, 9A and EA far immediate.
template <Op kRelative, Op kIndirect, Op kFar, unsigned kNearDigit>
void resolve_transfer(Insn& insn) {
    if (insn.opcode != 0xff) return set_op(insn, insn.opcode == 0x9a || insn.opcode == 0xea ? kFar : kRelative);
    set_op(insn, ((insn.modrm >> 3) & 7) == kNearDigit ? kIndirect : kFar);
}

void resolve_ret(Insn& insn) {
    if (insn.opcode == 0xc3) return set_op(insn, Op::kRet);
    set_op(insn, insn.opcode == 0xc2 ? Op::kRetImm : Op::kFarRet);
}

constexpr Row kRows[] = {
    {ZYDIS_MNEMONIC_JMP, InsnClass::kSpecial, Op::kJmpRel,
     resolve_transfer<Op::kJmpRel, Op::kJmpRm, Op::kFarJmp, 4>},
    {ZYDIS_MNEMONIC_CALL, InsnClass::kSpecial, Op::kCallRel,
     resolve_transfer<Op::kCallRel, Op::kCallRm, Op::kFarCall, 2>},
    {ZYDIS_MNEMONIC_RET, InsnClass::kSpecial, Op::kRet, resolve_ret},
    OP_ROW(JO, Jcc),
    OP_ROW(JNO, Jcc),
    OP_ROW(JB, Jcc),
    OP_ROW(JNB, Jcc),
    OP_ROW(JZ, Jcc),
    OP_ROW(JNZ, Jcc),
    OP_ROW(JBE, Jcc),
    OP_ROW(JNBE, Jcc),
    OP_ROW(JS, Jcc),
    OP_ROW(JNS, Jcc),
    OP_ROW(JP, Jcc),
    OP_ROW(JNP, Jcc),
    OP_ROW(JL, Jcc),
    OP_ROW(JNL, Jcc),
    OP_ROW(JLE, Jcc),
    OP_ROW(JNLE, Jcc),
    OP_ROW(JCXZ, Jcxz),
    OP_ROW(JECXZ, Jcxz),
    OP_ROW(JRCXZ, Jcxz),
    OP_ROW(LOOP, Loop),
    OP_ROW(LOOPE, Loope),
    OP_ROW(LOOPNE, Loopne),
    OP_ROW(IRET, Iret),
    OP_ROW(IRETD, Iret),
    OP_ROW(IRETQ, Iret),
    OP_ROW(INT, Int),
    OP_ROW(INT1, Int1),
    OP_ROW(INT3, Int3),
    OP_ROW(INTO, Into),
    OP_ROW(UD0, Ud),
    OP_ROW(UD1, Ud),
    OP_ROW(UD2, Ud),
    OP_ROW(SYSCALL, Syscall),
    OP_ROW(SYSRET, Sysret),
    OP_ROW(SYSENTER, Sysenter),
    OP_ROW(SYSEXIT, Sysexit),
    OP_ROW(LDS, LoadFarPointer),
    OP_ROW(LES, LoadFarPointer),
    OP_ROW(LFS, LoadFarPointer),
    OP_ROW(LGS, LoadFarPointer),
    OP_ROW(LSS, LoadFarPointer),
};

}  // namespace

Chapter control_chapter() { return {"control", {}, kRows}; }

}  // namespace twin86
