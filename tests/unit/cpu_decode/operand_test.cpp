// Registers read and written, and the memory operand.
#include <catch2/catch.hpp>

#include "tests/unit/cpu_decode/decode_helper.h"

namespace twin86 {

namespace {

constexpr u16 reg_bit(unsigned number) { return static_cast<u16>(1u << number); }

}  // namespace

TEST_CASE("explicit registers with REX") {
    Insn insn = decode(64, "4d 01 c8");  // add r8, r9
    CHECK(insn.reg_field == 9);
    CHECK(insn.rm_field == 8);
    CHECK(insn.gpr_fields == (kFieldReg | kFieldRm));
    CHECK(insn.gpr_read == (kFieldReg | kFieldRm));
    CHECK(insn.gpr_written == kFieldRm);
    insn = decode(64, "41 54");  // push r12
    CHECK(insn.opcode_field == 12);
    CHECK(insn.gpr_fields == kFieldOpcode);
    CHECK(insn.implicit_written == reg_bit(kRsp));
    insn = decode(64, "45 89 f7");  // mov r15d, r14d
    CHECK(insn.gpr_read == kFieldReg);
    CHECK(insn.gpr_written == kFieldRm);
}

TEST_CASE("high bytes and REX bytes") {
    Insn insn = decode(64, "88 e3");  // mov bl, ah
    CHECK(insn.high_byte);
    CHECK(insn.reg_field == 4);
    CHECK(insn.rm_field == 3);
    CHECK(insn.high_fields == kFieldReg);
    CHECK(decode(64, "0f b6 f7").high_fields == kFieldRm);  // movzx esi, bh
    CHECK(decode(64, "b4 01").high_fields == kFieldOpcode);
    CHECK(decode(64, "86 e7").high_fields == (kFieldReg | kFieldRm));
    insn = decode(64, "40 88 e3");  // mov bl, spl
    CHECK_FALSE(insn.high_byte);
    CHECK(insn.reg_field == 4);
    insn = decode(64, "45 88 c1");  // mov r9b, r8b
    CHECK(insn.reg_field == 8);
    CHECK(insn.rm_field == 9);
    CHECK(decode(64, "8a 20").high_byte);
    CHECK(decode(32, "88 e3").high_byte);
    CHECK_FALSE(decode(64, "66 89 e3").high_byte);
}

TEST_CASE("partial and conditional writes read the old value") {
    CHECK(decode(64, "b0 01").gpr_read == kFieldOpcode);          // mov al, 1
    CHECK(decode(64, "66 b8 01 00").gpr_read == kFieldOpcode);    // mov ax, 1
    CHECK(decode(64, "b8 01 00 00 00").gpr_read == 0);            // mov eax, 1
    CHECK(decode(64, "0f 44 c1").gpr_read == (kFieldReg | kFieldRm));  // cmovz eax, ecx
    CHECK(decode(64, "0f bc c1").gpr_read == (kFieldReg | kFieldRm));  // bsf eax, ecx
    CHECK(decode(64, "f3 0f bc c1").gpr_read == kFieldRm);        // tzcnt eax, ecx
    CHECK(decode(64, "0f 94 c0").gpr_read == kFieldRm);           // setz al
    const Insn cmpxchg = decode(64, "0f b1 ca");                  // cmpxchg edx, ecx
    CHECK(cmpxchg.gpr_read == (kFieldReg | kFieldRm));
    CHECK(cmpxchg.gpr_written == kFieldRm);
    CHECK(cmpxchg.implicit_read == reg_bit(kRax));
    CHECK(cmpxchg.implicit_written == reg_bit(kRax));
}

TEST_CASE("implicit registers") {
    CHECK(decode(64, "f7 e1").implicit_read == reg_bit(kRax));
    CHECK(decode(64, "f7 e1").implicit_written == (reg_bit(kRax) | reg_bit(kRdx)));
    CHECK(decode(64, "f7 f1").implicit_read == (reg_bit(kRax) | reg_bit(kRdx)));
    CHECK(decode(64, "f6 e1").implicit_written == reg_bit(kRax));
    CHECK(decode(64, "d3 e0").implicit_read == reg_bit(kRcx));
    CHECK(decode(64, "48 0f c7 08").implicit_read ==
          (reg_bit(kRax) | reg_bit(kRbx) | reg_bit(kRcx) | reg_bit(kRdx)));
    CHECK(decode(64, "48 0f c7 08").implicit_written == (reg_bit(kRax) | reg_bit(kRdx)));
    CHECK(decode(64, "9f").implicit_written == reg_bit(kRax));
    CHECK(decode(64, "9f").implicit_read == reg_bit(kRax));
    CHECK(decode(64, "9e").implicit_read == reg_bit(kRax));
    CHECK(decode(64, "99").implicit_written == reg_bit(kRdx));
    CHECK(decode(64, "91").implicit_written == reg_bit(kRax));  // xchg eax, ecx
    CHECK(decode(64, "91").gpr_written == kFieldOpcode);
    CHECK(decode(64, "d7").implicit_read == (reg_bit(kRax) | reg_bit(kRbx)));
    CHECK(decode(64, "66 0f 3a 61 c1 00").implicit_read == (reg_bit(kRax) | reg_bit(kRdx)));  // pcmpestri
    CHECK(decode(64, "66 0f 3a 61 c1 00").implicit_written == reg_bit(kRcx));
    CHECK(decode(64, "df e0").implicit_written == reg_bit(kRax));  // fnstsw ax
    CHECK(decode(64, "c4 e2 fb f6 c1").implicit_read == reg_bit(kRdx));  // mulx
}

TEST_CASE("F3 90 with REX.B is an exchange, not PAUSE") {
    const Insn insn = decode(64, "f3 49 90");
    CHECK(insn.klass == InsnClass::kCopy);
    CHECK(insn.mandatory_prefix == 0);
    CHECK(insn.opcode_field == kR8);
    CHECK(insn.gpr_written == kFieldOpcode);
    CHECK(insn.implicit_written == reg_bit(kRax));
    CHECK(decode(64, "f3 66 41 90").host66);
    CHECK_FALSE(decode(64, "f3 41 90").host66);
    CHECK(decode(64, "f3 90").mandatory_prefix == 0xf3);
}

TEST_CASE("vector instructions with general registers") {
    Insn insn = decode(64, "66 4d 0f 6e c8");  // movq xmm9, r8
    CHECK(insn.gpr_fields == kFieldRm);
    CHECK(insn.rm_field == 8);
    CHECK(insn.reg_field == 9);
    CHECK(insn.gpr_read == kFieldRm);
    insn = decode(64, "66 0f 7e c8");  // movd eax, xmm1
    CHECK(insn.gpr_written == kFieldRm);
    CHECK(insn.gpr_read == 0);
    insn = decode(64, "66 0f d7 c1");  // pmovmskb eax, xmm1
    CHECK(insn.gpr_fields == kFieldReg);
    CHECK(insn.gpr_written == kFieldReg);
    insn = decode(64, "f2 48 0f 2a c1");  // cvtsi2sd xmm0, rcx
    CHECK(insn.gpr_read == kFieldRm);
    insn = decode(64, "f2 48 0f 2d c1");  // cvtsd2si rax, xmm1
    CHECK(insn.gpr_fields == kFieldReg);
    insn = decode(64, "66 0f 3a 16 c1 01");  // pextrd ecx, xmm0, 1
    CHECK(insn.gpr_written == kFieldRm);
    insn = decode(64, "66 0f c4 c1 01");  // pinsrw xmm0, ecx, 1
    CHECK(insn.gpr_read == kFieldRm);
    insn = decode(64, "c4 e2 f3 f6 c2");  // mulx rax, rcx, rdx
    CHECK(insn.gpr_fields == (kFieldReg | kFieldRm | kFieldVvvv));
    CHECK(insn.gpr_written == (kFieldReg | kFieldVvvv));
    CHECK(insn.vvvv_field == 1);
    insn = decode(64, "c4 42 a0 f2 e5");  // andn r12, r11, r13
    CHECK(insn.reg_field == 12);
    CHECK(insn.vvvv_field == 11);
    CHECK(insn.rm_field == 13);
    CHECK_FALSE(insn.uses_avx);
    insn = decode(64, "c5 fb 93 c1");  // kmovd eax, k1
    CHECK(insn.gpr_fields == kFieldReg);
    CHECK(insn.uses_avx512);
    insn = decode(64, "62 a1 7c 48 28 d1");  // vmovaps zmm18, zmm17
    CHECK(insn.reg_field == 18);
    CHECK(insn.rm_field == 17);
    CHECK(insn.gpr_fields == 0);
    insn = decode(64, "62 d2 7d 48 7c c0");  // vpbroadcastd zmm0, r8d
    CHECK(insn.gpr_fields == kFieldRm);
    CHECK(insn.rm_field == 8);
}

TEST_CASE("memory operands of 64-bit mode") {
    Insn insn = decode(64, "48 8b 44 24 08");
    CHECK(insn.klass == InsnClass::kRewriteMem);
    CHECK(insn.mem.base == kRsp);
    CHECK(insn.mem.segment == kSs);
    CHECK(insn.mem.index == kNoGpr);
    CHECK(insn.mem.disp == 8);
    CHECK(insn.mem.size == 8);
    CHECK(insn.mem.access == kAccessRead);
    insn = decode(64, "4a 89 84 e1 00 00 00 80");  // mov [rcx+r12*8-80000000h], rax
    CHECK(insn.mem.base == kRcx);
    CHECK(insn.mem.index == kR12);
    CHECK(insn.mem.scale == 8);
    CHECK(insn.mem.disp == -0x80000000ll);
    CHECK(insn.mem.access == kAccessWrite);
    insn = decode(64, "01 05 10 00 00 00");  // add [rip+10h], eax
    CHECK(insn.mem.rip_relative);
    CHECK(insn.mem.base == kNoGpr);
    CHECK(insn.mem.disp == 0x10);
    CHECK(insn.mem.access == kAccessReadWrite);
    insn = decode(64, "8b 04 25 00 10 00 00");  // mov eax, [1000h]
    CHECK(insn.mem.base == kNoGpr);
    CHECK_FALSE(insn.mem.rip_relative);
    insn = decode(64, "67 8b 00");
    CHECK(insn.address_bits == 32);
    insn = decode(64, "8b 45 00");
    CHECK(insn.mem.segment == kSs);
    insn = decode(64, "48 8d 44 88 10");  // lea
    CHECK(insn.op == Op::kLea);
    CHECK(insn.has_mem);
    CHECK(insn.mem.access == kAccessNone);
    CHECK(insn.mem.scale == 4);
    insn = decode(64, "48 a1 88 77 66 55 44 33 22 11");  // mov rax, moffs64
    CHECK(insn.op == Op::kMovMoffs);
    CHECK(insn.mem.disp == 0x1122334455667788);
    CHECK(insn.disp_size == 8);
}

TEST_CASE("16- and 32-bit addressing") {
    Insn insn = decode(16, "8b 42 fe");  // mov ax, [bp+si-2]
    CHECK(insn.address_bits == 16);
    CHECK(insn.mem.base == kRbp);
    CHECK(insn.mem.index == kRsi);
    CHECK(insn.mem.scale == 1);
    CHECK(insn.mem.segment == kSs);
    CHECK(insn.mem.disp == -2);
    CHECK(insn.mem.size == 2);
    insn = decode(16, "8b 01");  // [bx+di]
    CHECK(insn.mem.base == kRbx);
    CHECK(insn.mem.index == kRdi);
    CHECK(insn.mem.segment == kDs);
    insn = decode(16, "8b 1e 34 12");  // [1234h]
    CHECK(insn.mem.base == kNoGpr);
    CHECK((insn.mem.disp & 0xffff) == 0x1234);
    CHECK(insn.disp_size == 2);
    insn = decode(16, "67 66 8b 04 98");  // mov eax, [eax+ebx*4]
    CHECK(insn.address_bits == 32);
    CHECK(insn.mem.scale == 4);
    CHECK(insn.mem.size == 4);
    insn = decode(32, "67 8b 04");  // [si]
    CHECK(insn.address_bits == 16);
    CHECK(insn.mem.base == kRsi);
    insn = decode(32, "8b 0d 78 56 34 12");  // disp32, not RIP-relative
    CHECK_FALSE(insn.mem.rip_relative);
    CHECK(insn.mem.disp == 0x12345678);
}

TEST_CASE("string instructions give the operand that may have a segment override") {
    Insn insn = decode(64, "f3 48 a5");
    CHECK(insn.op == Op::kMovs);
    CHECK(insn.repe);
    CHECK(insn.mem.base == kRsi);
    CHECK(insn.mem.size == 8);
    CHECK(insn.implicit_written == (reg_bit(kRcx) | reg_bit(kRsi) | reg_bit(kRdi)));
    insn = decode(32, "64 a4");
    CHECK(insn.mem.segment == kFs);
    CHECK(insn.mem.base == kRsi);
    insn = decode(64, "aa");
    CHECK(insn.op == Op::kStos);
    CHECK(insn.mem.base == kRdi);
    CHECK(insn.mem.segment == kEs);
    CHECK(insn.mem.access == kAccessWrite);
    insn = decode(64, "64 a6");
    CHECK(insn.op == Op::kCmps);
    CHECK(insn.mem.base == kRsi);
    CHECK(insn.mem.segment == kFs);
    insn = decode(64, "64 66 0f f7 c1");  // maskmovdqu
    CHECK(insn.op == Op::kMaskmov);
    CHECK(insn.mem.base == kRdi);
    CHECK(insn.mem.segment == kFs);
    CHECK(insn.mem.size == 16);
    insn = decode(64, "6c");
    CHECK(insn.op == Op::kIns);
    CHECK(insn.mem.base == kRdi);
}

TEST_CASE("sizes and access of special memory operands") {
    CHECK(decode(64, "db 28").mem.size == 10);         // fld m80
    CHECK(decode(64, "df 20").mem.size == 10);         // fbld
    CHECK(decode(64, "d9 28").mem.size == 2);          // fldcw
    CHECK(decode(64, "d9 38").mem.access == kAccessWrite);  // fnstcw
    CHECK(decode(64, "0f ae 18").mem.access == kAccessWrite);  // stmxcsr
    CHECK(decode(64, "0f ae 10").mem.size == 4);       // ldmxcsr
    CHECK(decode(64, "0f ae 00").mem.size == 512);     // fxsave
    CHECK(decode(64, "ff 28").mem.size == 6);          // jmp far
    CHECK(decode(64, "48 0f c7 08").mem.size == 16);   // cmpxchg16b
    CHECK(decode(64, "87 07").mem.access == kAccessReadWrite);
    CHECK(decode(64, "0f b1 0f").mem.access == kAccessReadWrite);
    CHECK(decode(64, "c4 e2 7d 18 00").mem.size == 4);  // vbroadcastss
    CHECK(decode(64, "66 0f 13 00").mem.access == kAccessWrite);  // movlpd
    CHECK(decode(64, "0f 13 00").mem.size == 8);
}

TEST_CASE("EVEX memory: disp8*N, broadcast, masks, VSIB") {
    Insn insn = decode(64, "62 f1 7c 48 58 40 01");  // vaddps zmm0, zmm0, [rax+40h]
    CHECK(insn.mem.disp == 0x40);
    CHECK(insn.mem.size == 64);
    CHECK(insn.mem.element_size == 4);
    CHECK_FALSE(insn.mem.suppresses_faults);
    insn = decode(64, "62 f1 7c 58 58 40 01");  // vaddps zmm0, zmm0, [rax+4]{1to16}
    CHECK(insn.mem.disp == 4);
    CHECK(insn.mem.size == 4);
    insn = decode(64, "62 f1 7f 0b 7f 40 02");  // vmovdqu8 [rax+20h]{k3}, xmm0
    CHECK(insn.mem.disp == 0x20);
    CHECK(insn.mem.element_size == 1);
    CHECK(insn.mem.size == 16);
    CHECK(insn.mem.access == kAccessWrite);
    CHECK(insn.mask_register == 3);
    CHECK(insn.mem.suppresses_faults);
    CHECK(insn.requires_vl);
    insn = decode(64, "62 f2 7d 09 92 04 8b");  // vgatherdps xmm0{k1}, [rbx+xmm1*4]
    CHECK(insn.op == Op::kGather);
    CHECK(insn.mem.vsib);
    CHECK(insn.mem.base == kRbx);
    CHECK(insn.mem.index == 1);
    CHECK(insn.mem.element_size == 4);
    insn = decode(64, "62 b2 7d 41 a2 04 cb");  // vscatterdps [rbx+zmm25*8]{k1}, zmm0
    CHECK(insn.op == Op::kScatter);
    CHECK(insn.mem.index == 25);
    CHECK(insn.mem.scale == 8);
    CHECK((insn.mem.access & kAccessWrite) != 0);
    insn = decode(64, "c4 e2 6d 2c 01");  // vmaskmovps ymm0, ymm2, [rcx]
    CHECK(insn.klass == InsnClass::kRewriteMem);
    CHECK(insn.mem.suppresses_faults);
    CHECK(insn.vvvv_field == 2);
}

TEST_CASE("which state an instruction needs") {
    CHECK(decode(64, "d9 c0").uses_fpu);
    CHECK(decode(64, "0f fc c1").uses_fpu);      // paddb mm
    CHECK_FALSE(decode(64, "0f fc c1").uses_sse);
    CHECK(decode(64, "66 0f fc c1").uses_sse);
    CHECK(decode(64, "0f ae 10").uses_sse);      // ldmxcsr
    CHECK(decode(64, "0f 2a c1").uses_sse);      // cvtpi2ps: both
    CHECK(decode(64, "0f 2a c1").uses_fpu);
    CHECK_FALSE(decode(64, "f2 0f 38 f1 c1").uses_sse);  // crc32
    CHECK_FALSE(decode(64, "0f ae f0").uses_sse);  // mfence
    CHECK(decode(64, "c5 f8 77").uses_avx);
    CHECK(decode(64, "c5 f8 ae 10").uses_avx);   // vldmxcsr
    CHECK_FALSE(decode(64, "c4 e2 f3 f6 c2").uses_avx);
    CHECK(decode(64, "62 f1 7c 48 58 c1").uses_avx512);
    CHECK(decode(64, "9b").is_fwait);
    CHECK_FALSE(decode(64, "9b").uses_fpu);
    CHECK(decode(64, "0f 77").uses_fpu);         // emms
    CHECK(decode(64, "66 0f 38 dc c1").uses_sse);  // aesenc
}

}  // namespace twin86
