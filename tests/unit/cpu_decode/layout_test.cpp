// Layout of the original bytes, prefixes, immediates and operand sizes.
#include <catch2/catch.hpp>

#include "tests/unit/cpu_decode/decode_helper.h"

namespace twin86 {

TEST_CASE("prefixes and their places") {
    Insn insn = decode(64, "f0 48 0f b1 8c 98 44 33 22 11");  // lock cmpxchg [rax+rbx*4+11223344], rcx
    REQUIRE(insn.length == 10);
    CHECK(insn.lock);
    CHECK(insn.rex == 0x48);
    CHECK(insn.map == 1);
    CHECK(insn.opcode == 0xb1);
    CHECK(insn.opcode_at == 3);
    CHECK(insn.modrm == 0x8c);
    CHECK(insn.sib == 0x98);
    CHECK(insn.disp_at == 6);
    CHECK(insn.disp_size == 4);
    CHECK(insn.imm_at == 10);
    CHECK(insn.mandatory_prefix == 0);

    insn = decode(64, "48 66 89 c0");  // a REX before another prefix is ignored
    REQUIRE(insn.length == 4);
    CHECK(insn.rex == 0);
    CHECK(insn.operand_bits == 16);
    CHECK(insn.opcode_at == 2);

    insn = decode(64, "66 48 89 c0");  // REX.W beats 66
    CHECK(insn.rex == 0x48);
    CHECK(insn.operand_bits == 64);
    CHECK(insn.prefix66);
    CHECK_FALSE(insn.host66);

    insn = decode(64, "f3 c3");  // rep ret
    CHECK(insn.repe);
    CHECK(insn.op == Op::kRet);
    CHECK(insn.mandatory_prefix == 0);
}

TEST_CASE("segment overrides: all in 32-bit mode, FS and GS only in 64-bit mode") {
    CHECK(decode(32, "2e 8b 00").segment_override == kCs);
    CHECK(decode(32, "2e 8b 00").mem.segment == kCs);
    CHECK(decode(32, "36 8b 00").mem.segment == kSs);
    CHECK(decode(32, "8b 45 00").mem.segment == kSs);
    CHECK(decode(32, "3e 8b 45 00").mem.segment == kDs);
    CHECK(decode(64, "2e 8b 00").segment_override == kNoSegment);
    CHECK(decode(64, "64 8b 00").segment_override == kFs);
    CHECK(decode(64, "64 8b 00").mem.segment == kFs);
    CHECK(decode(64, "65 48 8b 04 25 00 00 00 00").mem.segment == kGs);
    CHECK(decode(64, "64 2e 8b 00").mem.segment == kFs);
    CHECK(decode(64, "64 2e 8b 00").segment_override == kFs);
}

TEST_CASE("immediates") {
    CHECK(decode(64, "48 83 c0 ff").imm == -1);
    CHECK(decode(64, "48 81 c0 00 00 00 80").imm == -0x80000000ll);
    CHECK(decode(64, "48 b8 88 77 66 55 44 33 22 91").imm == static_cast<i64>(0x9122334455667788));
    CHECK(decode(64, "6a 80").imm == -128);
    CHECK(decode(64, "eb fe").imm == -2);
    CHECK(decode(64, "e8 fb ff ff ff").imm == -5);
    CHECK(decode(64, "c0 e0 85").imm == 0x85);
    const Insn enter = decode(32, "c8 34 12 05");
    CHECK(enter.imm == 0x1234);
    CHECK(enter.imm2 == 5);
    CHECK(enter.imm_size == 3);
    const Insn far = decode(32, "ea 78 56 34 12 10 00");
    CHECK(far.op == Op::kFarJmp);
    CHECK(far.imm == 0x12345678);
    CHECK(far.imm2 == 0x10);
    const Insn with_disp = decode(64, "81 40 10 78 56 34 12");  // add dword [rax+10h], 12345678h
    CHECK(with_disp.disp_at == 2);
    CHECK(with_disp.imm_at == 3);
    CHECK(with_disp.imm_size == 4);
}

TEST_CASE("operand size by mode") {
    CHECK(decode(64, "89 c8").operand_bits == 32);
    CHECK(decode(64, "66 89 c8").operand_bits == 16);
    CHECK(decode(32, "66 89 c8").operand_bits == 16);
    CHECK(decode(16, "89 c8").operand_bits == 16);
    CHECK(decode(16, "66 89 c8").operand_bits == 32);
    CHECK(decode(64, "88 c8").operand_bits == 8);
    CHECK(decode(64, "50").operand_bits == 64);
    CHECK(decode(64, "66 50").operand_bits == 16);
    CHECK(decode(32, "50").operand_bits == 32);
    CHECK(decode(16, "50").operand_bits == 16);
    CHECK(decode(64, "e9 00 00 00 00").operand_bits == 64);
    CHECK(decode(64, "0f 20 c0").operand_bits == 64);
}

TEST_CASE("host66: the prefix that the 64-bit mode encoding needs") {
    CHECK(decode(16, "89 c8").host66);
    CHECK_FALSE(decode(16, "66 89 c8").host66);
    CHECK(decode(32, "66 89 c8").host66);
    CHECK_FALSE(decode(16, "88 c8").host66);
    CHECK_FALSE(decode(16, "0f 58 c1").host66);    // addps
    CHECK(decode(16, "66 0f 58 c1").host66);       // addpd
    CHECK_FALSE(decode(16, "0f c3 00").host66);    // movnti
    CHECK_FALSE(decode(16, "0f ae e8").host66);    // lfence
    CHECK_FALSE(decode(16, "df e0").host66);       // fnstsw ax
    CHECK_FALSE(decode(16, "df 00").host66);       // fild word
    CHECK(decode(16, "f3 0f b8 c1").host66);       // popcnt ax, cx
    CHECK(decode(16, "98").host66);                // cbw
    CHECK_FALSE(decode(16, "66 98").host66);       // cwde
    CHECK(decode(16, "f7 e1").host66);             // mul cx
    CHECK(decode(16, "f2 0f 38 f1 c1").host66);    // crc32 eax, cx
    CHECK(decode(16, "0f b6 c1").host66);          // movzx ax, cl
}

TEST_CASE("opcode 82 becomes 80") {
    const Insn insn = decode(32, "82 c0 11");
    CHECK(insn.opcode == 0x80);
    CHECK(insn.bytes[0] == 0x80);
    CHECK(insn.klass == InsnClass::kCopy);
    CHECK(status_of(64, "82 c0 11") == DecodeStatus::kUndefined);
}

TEST_CASE("VEX and EVEX layout") {
    Insn insn = decode(64, "c5 f8 58 c1");
    CHECK(insn.encoding == Encoding::kVex);
    CHECK(insn.map == 1);
    CHECK(insn.opcode_at == 2);
    CHECK(insn.vector_bits == 128);
    insn = decode(64, "c4 e3 7d 4a c0 10");  // vblendvps ymm0, ymm0, ymm0, ymm1
    CHECK(insn.map == 3);
    CHECK(insn.opcode_at == 3);
    CHECK(insn.imm_at == 5);
    CHECK(insn.imm_size == 1);
    CHECK(insn.vector_bits == 256);
    insn = decode(64, "62 f1 7c c9 10 41 ff");  // vmovups zmm0{k1}{z}, [rcx-40h]
    CHECK(insn.encoding == Encoding::kEvex);
    CHECK(insn.opcode_at == 4);
    CHECK(insn.mask_register == 1);
    CHECK(insn.mask_zeroing);
    CHECK(insn.vector_bits == 512);
    CHECK(insn.disp_size == 1);
    CHECK(insn.mem.disp == -0x40);
    insn = decode(64, "62 f5 7c 48 58 c1");  // vaddph zmm0, zmm0, zmm1: map 5
    CHECK(insn.map == 5);
}

}  // namespace twin86
