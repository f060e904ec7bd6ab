// MMX and legacy-encoded SSE to SSE4.2, SSE4A, AES, PCLMULQDQ, SHA, GFNI: SDM vol. 1, chapters 9 to 12.
#include "cpu/decode/table_rows.h"

namespace twin86 {

namespace {

// On MMX registers, most of them on XMM registers too (SSE2, SSSE3).
#define MMX(X)                                                                                                      \
    X(EMMS) X(MOVD) X(MOVNTQ) X(MOVQ) X(PABSB) X(PABSD) X(PABSW) X(PACKSSDW) X(PACKSSWB) X(PACKUSWB) X(PADDB)       \
    X(PADDD) X(PADDQ) X(PADDSB) X(PADDSW) X(PADDUSB) X(PADDUSW) X(PADDW) X(PALIGNR) X(PAND) X(PANDN) X(PAVGB)       \
    X(PAVGW) X(PCMPEQB) X(PCMPEQD) X(PCMPEQW) X(PCMPGTB) X(PCMPGTD) X(PCMPGTW) X(PEXTRW) X(PHADDD) X(PHADDSW)       \
    X(PHADDW) X(PHSUBD) X(PHSUBSW) X(PHSUBW) X(PINSRW) X(PMADDUBSW) X(PMADDWD) X(PMAXSW) X(PMAXUB) X(PMINSW)        \
    X(PMINUB) X(PMULHRSW) X(PMULHUW) X(PMULHW) X(PMULLW) X(PMULUDQ) X(POR) X(PSADBW) X(PSHUFB) X(PSHUFW) X(PSIGNB)  \
    X(PSIGND) X(PSIGNW) X(PSLLD) X(PSLLQ) X(PSLLW) X(PSRAD) X(PSRAW) X(PSRLD) X(PSRLQ) X(PSRLW) X(PSUBB) X(PSUBD)   \
    X(PSUBQ) X(PSUBSB) X(PSUBSW) X(PSUBUSB) X(PSUBUSW) X(PSUBW) X(PUNPCKHBW) X(PUNPCKHDQ) X(PUNPCKHWD) X(PUNPCKLBW) \
    X(PUNPCKLDQ) X(PUNPCKLWD) X(PXOR)

#define SSE(X)                                                                                                       \
    X(ADDPS) X(ADDSS) X(ANDNPS) X(ANDPS) X(CMPPS) X(CMPSS) X(COMISS) X(CVTPI2PS) X(CVTPS2PI) X(CVTSI2SS) X(CVTSS2SI) \
    X(CVTTPS2PI) X(CVTTSS2SI) X(DIVPS) X(DIVSS) X(LDMXCSR) X(MAXPS) X(MAXSS) X(MINPS) X(MINSS) X(MOVAPS) X(MOVHLPS)  \
    X(MOVHPS) X(MOVLHPS) X(MOVLPS) X(MOVMSKPS) X(MOVNTPS) X(MOVSS) X(MOVUPS) X(MULPS) X(MULSS) X(ORPS) X(PMOVMSKB)   \
    X(RCPPS) X(RCPSS) X(RSQRTPS) X(RSQRTSS) X(SFENCE) X(SHUFPS) X(SQRTPS) X(SQRTSS) X(STMXCSR) X(SUBPS) X(SUBSS)     \
    X(UCOMISS) X(UNPCKHPS) X(UNPCKLPS) X(XORPS)

#define SSE2(X)                                                                                                      \
    X(ADDPD) X(ADDSD) X(ANDNPD) X(ANDPD) X(CMPPD) X(COMISD) X(CVTDQ2PD) X(CVTDQ2PS) X(CVTPD2DQ) X(CVTPD2PI)          \
    X(CVTPD2PS) X(CVTPI2PD) X(CVTPS2DQ) X(CVTPS2PD) X(CVTSD2SI) X(CVTSD2SS) X(CVTSI2SD) X(CVTSS2SD) X(CVTTPD2DQ)     \
    X(CVTTPD2PI) X(CVTTPS2DQ) X(CVTTSD2SI) X(DIVPD) X(DIVSD) X(LFENCE) X(MAXPD) X(MAXSD) X(MFENCE) X(MINPD) X(MINSD) \
    X(MOVAPD) X(MOVDQ2Q) X(MOVDQA) X(MOVDQU) X(MOVHPD) X(MOVLPD) X(MOVMSKPD) X(MOVNTDQ) X(MOVNTI) X(MOVNTPD)         \
    X(MOVQ2DQ) X(MOVUPD) X(MULPD) X(MULSD) X(ORPD) X(PSHUFD) X(PSHUFHW) X(PSHUFLW) X(PSLLDQ) X(PSRLDQ) X(PUNPCKHQDQ) \
    X(PUNPCKLQDQ) X(SHUFPD) X(SQRTPD) X(SQRTSD) X(SUBPD) X(SUBSD) X(UCOMISD) X(UNPCKHPD) X(UNPCKLPD) X(XORPD)

#define SSE3(X)                                                                                                 \
    X(ADDSUBPD) X(ADDSUBPS) X(HADDPD) X(HADDPS) X(HSUBPD) X(HSUBPS) X(LDDQU) X(MOVDDUP) X(MOVSHDUP) X(MOVSLDUP)

// SSE4.1, SSE4.2 and AMD's SSE4A.
#define SSE4(X)                                                                                                   \
    X(BLENDPD) X(BLENDPS) X(BLENDVPD) X(BLENDVPS) X(DPPD) X(DPPS) X(EXTRACTPS) X(EXTRQ) X(INSERTPS)      \
    X(INSERTQ) X(MOVNTDQA) X(MOVNTSD) X(MOVNTSS) X(MPSADBW) X(PACKUSDW) X(PBLENDVB) X(PBLENDW) X(PCMPEQQ)         \
    X(PCMPESTRI) X(PCMPESTRM) X(PCMPGTQ) X(PCMPISTRI) X(PCMPISTRM) X(PEXTRB) X(PEXTRD) X(PEXTRQ) X(PHMINPOSUW)    \
    X(PINSRB) X(PINSRD) X(PINSRQ) X(PMAXSB) X(PMAXSD) X(PMAXUD) X(PMAXUW) X(PMINSB) X(PMINSD) X(PMINUD) X(PMINUW) \
    X(PMOVSXBD) X(PMOVSXBQ) X(PMOVSXBW) X(PMOVSXDQ) X(PMOVSXWD) X(PMOVSXWQ) X(PMOVZXBD) X(PMOVZXBQ) X(PMOVZXBW)   \
    X(PMOVZXDQ) X(PMOVZXWD) X(PMOVZXWQ) X(PMULDQ) X(PMULLD) X(PTEST) X(ROUNDPD) X(ROUNDPS) X(ROUNDSD) X(ROUNDSS)

#define CRYPTO(X)                                                                                              \
    X(AESDEC) X(AESDECLAST) X(AESENC) X(AESENCLAST) X(AESIMC) X(AESKEYGENASSIST) X(GF2P8AFFINEINVQB)           \
    X(GF2P8AFFINEQB) X(GF2P8MULB) X(PCLMULQDQ) X(SHA1MSG1) X(SHA1MSG2) X(SHA1NEXTE) X(SHA1RNDS4) X(SHA256MSG1) \
    X(SHA256MSG2) X(SHA256RNDS2)

constexpr u16 kCopied[] = {MMX(MNEMONIC) SSE(MNEMONIC) SSE2(MNEMONIC) SSE3(MNEMONIC) SSE4(MNEMONIC) CRYPTO(MNEMONIC)};

/// MOVSD and CMPSD name a string instruction (A5, A7) and a scalar double one (0F 10, 0F 11, 0F C2).
template <Op kStringOp>
void resolve_string(Insn& insn) {
    if (insn.map == 0) set_op(insn, kStringOp);
}

constexpr Row kRows[] = {
    FORMS_ROW(MOVSD, resolve_string<Op::kMovs>),
    FORMS_ROW(CMPSD, resolve_string<Op::kCmps>),
    OP_ROW(MASKMOVQ, Maskmov),
    OP_ROW(MASKMOVDQU, Maskmov),
};

}  // namespace

Chapter sse_chapter() { return {"sse", kCopied, kRows}; }

}  // namespace twin86
