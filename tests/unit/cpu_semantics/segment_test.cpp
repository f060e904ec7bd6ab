// Segment registers and descriptor tables. SDM vol. 2, MOV, LDS ... LGS, LGDT, LLDT, LTR, LAR, LSL, VERR, ARPL.
#include "tests/unit/cpu_semantics/fixture.h"

namespace twin86 {

TEST_CASE("mov ds: null, data, and refused selectors") {
    Fixture f;
    f.long_mode(3);
    f.s.gpr[kRax] = 3;
    REQUIRE(f.run("8e d8").ok());
    CHECK(f.s.segment[kDs].unusable());
    CHECK(f.s.segment[kDs].selector == 3);
    f.s.gpr[kRax] = kData3;
    REQUIRE(f.run("8e d8").ok());
    CHECK(f.s.segment[kDs].limit == 0xffffffff);
    struct Case {
        u16 selector;
        u64 descriptor;
        Vector vector;
    };
    const Case c = GENERATE(values<Case>({
        {kData0, 0, kVectorGP},
        {0x300, 0, kVectorGP},
        {0x64, 0, kVectorGP},                                            // no LDT
        {kScratch, descriptor_bits(0, 0xfffff, 0xc0f9), kVectorGP},      // execute-only code
        {kScratch, descriptor_bits(0, 0xfffff, 0x0089), kVectorGP},      // system
        {kScratch | 3, descriptor_bits(0, 0xfffff, 0xc0d3), kVectorGP},  // DPL 2
        {kScratch | 3, descriptor_bits(0, 0xfffff, 0xc073), kVectorNP},
    }));
    if (c.descriptor) f.gdt(kScratch, c.descriptor);
    f.s.gpr[kRax] = c.selector;
    CHECK(is_fault(f.run("8e d8"), c.vector, c.selector & 0xfffc));
    CHECK(f.s.segment[kDs].selector == kData3);
}

TEST_CASE("mov ss: shadow, null at CPL 0 of 64-bit mode only, #SS for absent segments") {
    Fixture f;
    f.long_mode(0);
    f.s.gpr[kRax] = 0;
    REQUIRE(f.run("8e d0").ok());
    CHECK(f.s.shadow == kShadowMovSs);
    CHECK(f.s.cpl() == 0);
    CHECK_FALSE(nmi_enabled(f.s));
    f.s.gpr[kRax] = kScratch;
    f.gdt(kScratch, descriptor_bits(0, 0xfffff, 0xc013));
    CHECK(is_fault(f.run("8e d0"), kVectorSS, kScratch));
    f.gdt(kScratch, descriptor_bits(0, 0xfffff, 0xc091));
    CHECK(is_fault(f.run("8e d0"), kVectorGP, kScratch));
    Fixture legacy;
    legacy.protected_mode(0);
    legacy.s.gpr[kRax] = 0;
    CHECK(is_fault(legacy.run("8e d0"), kVectorGP, 0));
}

TEST_CASE("push and pop of segments move by the operand size") {
    Fixture f;
    f.long_mode(3);
    f.s.segment[kFs].selector = 0;
    REQUIRE(f.run("0f a8").ok());
    CHECK(f.s.gpr[kRsp] == kStack3 - 8);
    CHECK(f.stack(0) == kData3);
    f.host.store(kStack3 - 8, u64{0});
    REQUIRE(f.run("0f a9").ok());
    CHECK(f.s.gpr[kRsp] == kStack3);
    CHECK(f.s.segment[kGs].unusable());
    f.s.gpr[kRsp] -= 8;
    f.host.store(kStack3 - 8, u64{kData0});
    CHECK(is_fault(f.run("0f a1"), kVectorGP, kData0));
    CHECK(f.s.gpr[kRsp] == kStack3 - 8);
    Fixture legacy;
    legacy.protected_mode(0);
    REQUIRE(legacy.run("1e").ok());
    CHECK(legacy.stack(0, 4) == kData0);
    REQUIRE(legacy.run("17").ok());  // pop ss
    CHECK(legacy.s.shadow == kShadowMovSs);
    CHECK(legacy.s.gpr[kRsp] == kStack0);
}

TEST_CASE("les and lss load the register only when the segment is good") {
    Fixture f;
    f.protected_mode(0);
    f.s.gpr[kRbx] = 0x9000;
    f.host.store(0x9000, u32{0x12345678});
    f.host.store(0x9004, kData3);
    REQUIRE(f.run("c4 0b").ok());
    CHECK(f.s.gpr[kRcx] == 0x12345678);
    CHECK(f.s.segment[kEs].selector == kData3);
    f.s.gpr[kRcx] = 1;
    CHECK(is_fault(f.run("0f b2 0b"), kVectorGP, kData3 & 0xfffc));
    CHECK(f.s.gpr[kRcx] == 1);
}

TEST_CASE("real mode keeps limits: unreal mode") {
    Fixture f;
    f.real_mode();
    f.s.segment[kDs].limit = 0xffffffff;
    f.s.gpr[kRax] = 0x1234;
    REQUIRE(f.run("8e d8").ok());
    CHECK(f.s.segment[kDs].base == 0x12340);
    CHECK(f.s.segment[kDs].limit == 0xffffffff);
}

TEST_CASE("lgdt and sgdt: 10 bytes in 64-bit mode, 24-bit base with 16-bit operands") {
    Fixture f;
    f.long_mode(0);
    f.s.gpr[kRbx] = 0x9000;
    f.host.store(0x9000, u16{0x7f});
    f.host.store(0x9002, u64{0xffff8000aabbccdd});
    REQUIRE(f.run("0f 01 13").ok());
    CHECK(f.s.gdtr.base == 0xffff8000aabbccdd);
    CHECK(f.s.gdtr.limit == 0x7f);
    f.s.gpr[kRbx] = 0xa000;
    REQUIRE(f.run("0f 01 03").ok());
    CHECK(f.host.load<u64>(0xa002) == 0xffff8000aabbccdd);
    f.s.gpr[kRbx] = 0x00007ffffffffff8;  // its last bytes are not canonical
    CHECK(is_fault(f.run("0f 01 1b"), kVectorGP, 0));
    f.s.gpr[kRbx] = 0xa000;
    f.host.store(0xa002, u64{0x8000000000000000});
    CHECK(is_fault(f.run("0f 01 1b"), kVectorGP, 0));
    Fixture real;
    real.real_mode();
    real.s.gpr[kRbx] = 0x5000;
    real.host.store(0x5000, u16{0x3ff});
    real.host.store(0x5002, u32{0xaabbccdd});
    REQUIRE(real.run("0f 01 1f").ok());
    CHECK(real.s.idtr.base == 0xbbccdd);
    REQUIRE(real.run("66 0f 01 1f").ok());
    CHECK(real.s.idtr.base == 0xaabbccdd);
}

TEST_CASE("ltr: 16-byte descriptor, busy bit, refusals") {
    Fixture f;
    f.long_mode(0);
    f.gdt(kScratch, descriptor_bits(0x12340000, 0x67, 0x89));
    f.gdt(kScratch + 8, 0xffff8800);
    f.s.gpr[kRax] = kScratch;
    REQUIRE(f.run("0f 00 d8").ok());
    CHECK(f.s.tr.base == 0xffff880012340000);
    CHECK(f.s.tr.type() == kTssBusy);
    CHECK(f.host.memory[kGdt + kScratch + 5] == 0x8b);
    CHECK(is_fault(f.run("0f 00 d8"), kVectorGP, kScratch));  // busy now
    f.s.gpr[kRax] = 0;
    CHECK(is_fault(f.run("0f 00 d8"), kVectorGP, 0));
    f.s.gpr[kRax] = kScratch | 4;
    CHECK(is_fault(f.run("0f 00 d8"), kVectorGP, kScratch | 4));
    REQUIRE(f.run("0f 00 c9").ok());  // str ecx
    CHECK(f.s.gpr[kRcx] == kScratch);
    Fixture real;
    real.real_mode();
    CHECK(is_fault(real.run("0f 00 d8"), kVectorUD));
}

TEST_CASE("lldt: null, wrong type, absent, and use of the LDT") {
    Fixture f;
    f.protected_mode(0);
    f.s.gpr[kRax] = kLdtSelector;
    REQUIRE(f.run("0f 00 d0").ok());
    CHECK(f.s.ldtr.base == 0x7000);
    f.host.store(0x7008, descriptor_bits(0x5000, 0xfff, 0x4093));
    f.s.gpr[kRax] = 0x0c;
    REQUIRE(f.run("8e c0").ok());
    CHECK(f.s.segment[kEs].base == 0x5000);
    f.s.gpr[kRax] = kTssSelector;
    CHECK(is_fault(f.run("0f 00 d0"), kVectorGP, kTssSelector));
    f.gdt(kScratch, descriptor_bits(0, 0xff, 0x02));
    f.s.gpr[kRax] = kScratch;
    CHECK(is_fault(f.run("0f 00 d0"), kVectorNP, kScratch));
    f.s.gpr[kRax] = 0;
    REQUIRE(f.run("0f 00 d0").ok());
    CHECK(f.s.ldtr.unusable());
}

TEST_CASE("lar, lsl, verr, verw: ZF tells, registers change on success only") {
    Fixture f;
    f.protected_mode(3);
    const auto zf = [&] { return (f.s.rflags & kFlagZF) != 0; };
    const auto inspect = [&](const char* hex, u16 selector) {
        f.s.gpr[kRax] = 0x5555;
        f.s.gpr[kRcx] = selector;
        REQUIRE(f.run(hex).ok());
        return f.s.gpr[kRax];
    };
    CHECK(inspect("0f 02 c1", kData3) == 0xcff300);  // with bits 19:16 of the limit, as processors do
    CHECK(zf());
    CHECK(inspect("0f 03 c1", kData3) == 0xffffffff);
    CHECK(inspect("0f 02 c1", kData0) == 0x5555);
    CHECK_FALSE(zf());
    CHECK(inspect("0f 02 c1", 0) == 0x5555);
    CHECK_FALSE(zf());
    CHECK(inspect("0f 03 c1", 0x400) == 0x5555);
    CHECK_FALSE(zf());
    f.gdt(kScratch, descriptor_bits(0, 0xfffff, 0xc0fd));  // conforming, execute-only
    inspect("0f 00 e1", kScratch | 3);                     // verr
    CHECK_FALSE(zf());
    f.gdt(kScratch, descriptor_bits(0, 0xfffff, 0xc09e));  // conforming, readable, DPL 0
    inspect("0f 00 e1", kScratch | 3);
    CHECK(zf());
    inspect("0f 00 e9", kScratch | 3);  // verw
    CHECK_FALSE(zf());
    inspect("0f 00 e9", kData3);
    CHECK(zf());
    CHECK(inspect("0f 03 c1", kTssSelector) == 0x5555);  // DPL 0
    f.gdt(kScratch, descriptor_bits(0, 0x67, 0xe9));
    CHECK(inspect("0f 03 c1", kScratch) == 0x67);
    f.gdt(kScratch, descriptor_bits(0, 0, 0xec));
    inspect("0f 03 c1", kScratch);  // a call gate has no limit
    CHECK_FALSE(zf());
    CHECK(inspect("0f 02 c1", kScratch) == 0xec00);
    f.protected_mode(0);
    CHECK(inspect("0f 03 c1", kData0) == 0xffffffff);
    CHECK(inspect("0f 03 c1", kData0 | 3) == 0x5555);  // RPL above DPL
    Fixture vm86;
    vm86.vm86_mode(3);
    CHECK(is_fault(vm86.run("0f 02 c1"), kVectorUD));
}

TEST_CASE("arpl raises the RPL") {
    Fixture f;
    f.protected_mode(0);
    f.s.gpr[kRax] = 0x10;
    f.s.gpr[kRcx] = 3;
    REQUIRE(f.run("63 c8").ok());
    CHECK(f.s.gpr[kRax] == 0x13);
    CHECK((f.s.rflags & kFlagZF) != 0);
    REQUIRE(f.run("63 c8").ok());
    CHECK((f.s.rflags & kFlagZF) == 0);
}

}  // namespace twin86
