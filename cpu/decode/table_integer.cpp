// Integer instructions: SDM vol. 1, chapter 7 without control transfers, and the general-register extensions (BMI, ADX ...).
#include "cpu/decode/table_rows.h"

namespace twin86 {

namespace {

#define COPIED(X)                                                                                                    \
    X(ADD) X(OR) X(ADC) X(SBB) X(AND) X(SUB) X(XOR) X(CMP) X(TEST) X(NEG) X(NOT) X(MUL) X(IMUL) X(DIV) X(IDIV)         \
    X(ROL) X(ROR) X(RCL) X(RCR) X(SHL) X(SHR) X(SAR) X(SHLD) X(SHRD)                                                 \
    X(XCHG) X(XADD) X(CMPXCHG) X(CMPXCHG8B) X(CMPXCHG16B) X(BSWAP) X(BSF) X(BSR)                                     \
    X(MOVZX) X(MOVSX) X(MOVSXD) X(CBW) X(CWDE) X(CDQE) X(CWD) X(CDQ) X(CQO)                                          \
    X(LAHF) X(SAHF) X(CLC) X(STC) X(CMC) X(PAUSE)                                                                    \
    X(SETO) X(SETNO) X(SETB) X(SETNB) X(SETZ) X(SETNZ) X(SETBE) X(SETNBE)                                            \
    X(SETS) X(SETNS) X(SETP) X(SETNP) X(SETL) X(SETNL) X(SETLE) X(SETNLE)                                            \
    X(CMOVO) X(CMOVNO) X(CMOVB) X(CMOVNB) X(CMOVZ) X(CMOVNZ) X(CMOVBE) X(CMOVNBE)                                    \
    X(CMOVS) X(CMOVNS) X(CMOVP) X(CMOVNP) X(CMOVL) X(CMOVNL) X(CMOVLE) X(CMOVNLE)                                    \
    X(POPCNT) X(LZCNT) X(TZCNT) X(CRC32) X(MOVBE) X(ADCX) X(ADOX)                                                    \
    X(ANDN) X(BEXTR) X(BLSI) X(BLSMSK) X(BLSR) X(BZHI) X(MULX) X(PDEP) X(PEXT) X(RORX) X(SARX) X(SHLX) X(SHRX)       \
    X(RDRAND) X(RDSEED) X(MOVDIRI) X(SERIALIZE)

constexpr u16 kCopied[] = {COPIED(MNEMONIC)};

/// MOV: 8C/8E segments, A0-A3 memory offsets, 0F 20-23 control and debug registers; the rest is plain.
void resolve_mov(Insn& insn) {
    if (insn.map == 0) {
        if (insn.opcode == 0x8c) set_op(insn, Op::kMovFromSeg);
        if (insn.opcode == 0x8e) set_op(insn, Op::kMovToSeg);
        if (insn.opcode >= 0xa0 && insn.opcode <= 0xa3) set_op(insn, Op::kMovMoffs);
        return;
    }
    switch (insn.opcode) {
        case 0x20: return set_op(insn, Op::kMovFromCr);
        case 0x21: return set_op(insn, Op::kMovFromDr);
        case 0x22: return set_op(insn, Op::kMovToCr);
        case 0x23: return set_op(insn, Op::kMovToDr);
        default: return set_undefined(insn);
    }
}

void resolve_push(Insn& insn) {
    if (insn.map == 0 && insn.opcode >= 0x50 && insn.opcode <= 0x57) return set_op(insn, Op::kPushReg);
    if (insn.map == 0 && insn.opcode == 0xff) return set_op(insn, Op::kPushRm);
    if (insn.map == 0 && (insn.opcode == 0x68 || insn.opcode == 0x6a)) return set_op(insn, Op::kPushImm);
    set_op(insn, Op::kPushSeg);
}

void resolve_pop(Insn& insn) {
    if (insn.map == 0 && insn.opcode >= 0x58 && insn.opcode <= 0x5f) return set_op(insn, Op::kPopReg);
    if (insn.map == 0 && insn.opcode == 0x8f) return set_op(insn, Op::kPopRm);
    set_op(insn, Op::kPopSeg);
}

/// One-byte INC/DEC (40-4F) are REX prefixes in 64-bit mode.
bool is_short_form(const Insn& insn) { return insn.map == 0 && (insn.opcode & 0xf0) == 0x40; }

void resolve_inc(Insn& insn) {
    if (is_short_form(insn)) set_op(insn, Op::kIncShort);
}

void resolve_dec(Insn& insn) {
    if (is_short_form(insn)) set_op(insn, Op::kDecShort);
}

/// BT and its kin reach beyond the operand when memory is indexed by a register; with an immediate they do not.
template <Op kOp>
void resolve_bit_test(Insn& insn) {
    if (insn.has_mem && insn.imm_size == 0) set_op(insn, kOp);
}

/// Everything that does nothing architecturally: 90, 0F 1F, 0F 0D and 0F 18 with a register, 0F 1E (ENDBR, RDSSP without CET).
void resolve_nop(Insn& insn) {
    set_op(insn, Op::kNop);
    insn.has_mem = false;
    insn.mem = {};
    insn.gpr_fields = insn.gpr_read = insn.gpr_written = 0;
    insn.implicit_read = insn.implicit_written = 0;
}

/// A hint about an address: nothing is accessed, nothing faults.
void resolve_prefetch(Insn& insn) {
    if (!insn.has_mem) return resolve_nop(insn);
    set_op(insn, Op::kPrefetch);
    insn.mem.access = kAccessNone;
}

constexpr Row kRows[] = {
    FORMS_ROW(MOV, resolve_mov),
    FORMS_ROW(PUSH, resolve_push),
    FORMS_ROW(POP, resolve_pop),
    FORMS_ROW(INC, resolve_inc),
    FORMS_ROW(DEC, resolve_dec),
    FORMS_ROW(BT, resolve_bit_test<Op::kBtMem>),
    FORMS_ROW(BTS, resolve_bit_test<Op::kBtsMem>),
    FORMS_ROW(BTR, resolve_bit_test<Op::kBtrMem>),
    FORMS_ROW(BTC, resolve_bit_test<Op::kBtcMem>),
    FORMS_ROW(NOP, resolve_nop),
    FORMS_ROW(PREFETCH, resolve_prefetch),
    FORMS_ROW(PREFETCHW, resolve_prefetch),
    FORMS_ROW(PREFETCHWT1, resolve_prefetch),
    FORMS_ROW(PREFETCHNTA, resolve_prefetch),
    FORMS_ROW(PREFETCHT0, resolve_prefetch),
    FORMS_ROW(PREFETCHT1, resolve_prefetch),
    FORMS_ROW(PREFETCHT2, resolve_prefetch),
    OP_ROW(LEA, Lea),
    OP_ROW(XLAT, Xlat),
    OP_ROW(LEAVE, Leave),
    OP_ROW(ENTER, Enter),
    OP_ROW(SALC, Salc),
    OP_ROW(PUSHA, Pusha),
    OP_ROW(PUSHAD, Pusha),
    OP_ROW(POPA, Popa),
    OP_ROW(POPAD, Popa),
    OP_ROW(BOUND, Bound),
    OP_ROW(DAA, Daa),
    OP_ROW(DAS, Das),
    OP_ROW(AAA, Aaa),
    OP_ROW(AAS, Aas),
    OP_ROW(AAM, Aam),
    OP_ROW(AAD, Aad),
    OP_ROW(MOVSB, Movs),
    OP_ROW(MOVSW, Movs),
    OP_ROW(MOVSQ, Movs),
    OP_ROW(CMPSB, Cmps),
    OP_ROW(CMPSW, Cmps),
    OP_ROW(CMPSQ, Cmps),
    OP_ROW(STOSB, Stos),
    OP_ROW(STOSW, Stos),
    OP_ROW(STOSD, Stos),
    OP_ROW(STOSQ, Stos),
    OP_ROW(LODSB, Lods),
    OP_ROW(LODSW, Lods),
    OP_ROW(LODSD, Lods),
    OP_ROW(LODSQ, Lods),
    OP_ROW(SCASB, Scas),
    OP_ROW(SCASW, Scas),
    OP_ROW(SCASD, Scas),
    OP_ROW(SCASQ, Scas),
};

}  // namespace

Chapter integer_chapter() { return {"integer", kCopied, kRows}; }

}  // namespace twin86
