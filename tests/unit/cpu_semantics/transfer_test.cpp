// Far jumps, calls and returns, call gates. SDM vol. 2, JMP, CALL, RET; vol. 3, 5.8.
#include "tests/unit/cpu_semantics/fixture.h"

namespace twin86 {

namespace {

constexpr u16 kGate = 0x70;

/// A far pointer m16:32 at 0x9000, addressed by RBX.
void pointer(Fixture& f, u32 offset, u16 selector) {
    f.host.store(0x9000, offset);
    f.host.store(0x9004, selector);
    f.s.gpr[kRbx] = 0x9000;
}

void call_gate(Fixture& f, u16 selector, u64 offset, unsigned parameters, unsigned dpl = 3, unsigned type = kCallGate) {
    f.gdt(kGate, (offset & 0xffff) | u64{selector} << 16 | u64{parameters} << 32 | u64{0x80 | dpl << 5 | type} << 40 |
                     (offset >> 16 & 0xffff) << 48);
    f.gdt(kGate + 8, offset >> 32);
}

}  // namespace

TEST_CASE("ljmp from compatibility code to 64-bit code and back") {
    Fixture f;
    f.long_mode(0);
    pointer(f, 0x123456, kCode32);
    REQUIRE(f.run("ff 2b").ok());
    CHECK(f.s.rip == 0x123456);
    CHECK_FALSE(f.s.mode64());
    REQUIRE(f.run("ea 00 10 00 00 08 00").ok());
    CHECK(f.s.rip == 0x1000);
    CHECK(f.s.mode64());
}

TEST_CASE("far jump: refused code segments") {
    struct Case {
        const char* name;
        u16 selector;
        u64 descriptor;
        Vector vector;
        u32 code;
    };
    const Case c = GENERATE(values<Case>({
        {"null", 0, 0, kVectorGP, 0},
        {"beyond the GDT", 0x200, 0, kVectorGP, 0x200},
        {"in an absent LDT", 0x0c, 0, kVectorGP, 0x0c},
        {"data", kScratch, descriptor_bits(0, 0xfffff, 0xc093), kVectorGP, kScratch},
        {"RPL above CPL", kScratch | 3, descriptor_bits(0, 0xfffff, 0xa09b), kVectorGP, kScratch},
        {"DPL above CPL", kScratch, descriptor_bits(0, 0xfffff, 0xa0fb), kVectorGP, kScratch},
        {"conforming, DPL above CPL", kScratch, descriptor_bits(0, 0xfffff, 0xa0fe), kVectorGP, kScratch},
        {"not present", kScratch, descriptor_bits(0, 0xfffff, 0xa01b), kVectorNP, kScratch},
        {"L and D", kScratch, descriptor_bits(0, 0xfffff, 0xe09b), kVectorGP, kScratch},
        {"beyond the limit", kScratch, descriptor_bits(0, 0xfff, 0x409b), kVectorGP, 0},
        {"TSS in long mode", kTssSelector, descriptor_bits(kTss, 0x67, 0x89), kVectorGP, kTssSelector},
    }));
    INFO(c.name);
    Fixture f;
    f.long_mode(0);
    if (c.descriptor) f.gdt(c.selector, c.descriptor);
    pointer(f, 0x1000, c.selector);
    CHECK(is_fault(f.run("ff 2b"), c.vector, c.code));
    CHECK(is_fault(f.run("ff 1b"), c.vector, c.code));
    CHECK(f.s.gpr[kRsp] == kStack0);
    CHECK(f.s.segment[kCs].selector == kCode0);
}

TEST_CASE("a descriptor must lie in the table with all its bytes") {
    Fixture f;
    f.long_mode(0);
    pointer(f, 0x1000, kCode32);
    f.s.gdtr.limit = kCode32 + 6;
    CHECK(is_fault(f.run("ff 2b"), kVectorGP, kCode32));
    f.s.gdtr.limit = kCode32 + 7;
    CHECK(f.run("ff 2b").ok());
}

TEST_CASE("lcall and lretq at the same level") {
    Fixture f;
    f.long_mode(0);
    pointer(f, 0xa000, kCode0);
    REQUIRE(f.run("ff 1b").ok());
    CHECK(f.s.rip == 0xa000);
    CHECK(f.s.gpr[kRsp] == kStack0 - 8);
    CHECK(f.stack(0, 4) == kCodeAt + 2);
    CHECK(f.stack(1, 4) == kCode0);
    REQUIRE(f.run("cb").ok());
    CHECK(f.s.rip == kCodeAt + 2);
    f.s.gpr[kRsp] = kStack0 - 16;
    f.host.store(kStack0 - 16, u64{0xffffffff81000000});
    f.host.store(kStack0 - 8, u64{kCode0});
    REQUIRE(f.run("48 cb").ok());
    CHECK(f.s.rip == 0xffffffff81000000);
    CHECK(f.s.gpr[kRsp] == kStack0);
}

TEST_CASE("m16:64 pointers: Intel takes 64 bits of offset, AMD 32") {
    const bool amd = GENERATE(true, false);
    Fixture f(amd);
    f.long_mode(0);
    f.s.gpr[kRbx] = 0x9000;
    if (amd) {
        pointer(f, 0x1000, kCode0);
    } else {
        f.host.store(0x9000, u64{0xffff800000001000});
        f.host.store(0x9008, kCode0);
    }
    REQUIRE(f.run("48 ff 2b").ok());
    CHECK(f.s.rip == (amd ? 0x1000 : 0xffff800000001000));
}

TEST_CASE("lret to an outer level releases parameters on both stacks") {
    Fixture f;
    f.protected_mode(0);
    f.s.gpr[kRsp] = kStack0 - 24;
    const u32 words[] = {0x401000, kUser32, 0xaaaa, 0xbbbb, 0x30000, kData3};
    for (unsigned i = 0; i < 6; ++i) f.host.store(kStack0 - 24 + i * 4, words[i]);
    REQUIRE(f.run("ca 08 00").ok());
    CHECK(f.s.rip == 0x401000);
    CHECK(f.s.cpl() == 3);
    CHECK(f.s.gpr[kRsp] == 0x30008);
    CHECK(f.s.segment[kDs].unusable());
}

TEST_CASE("64-bit call gate to an inner level: SS null, four 8-byte words (5.8.5.1)") {
    Fixture f;
    f.long_mode(3);
    call_gate(f, kCode0, 0xffff800000002000, 0);
    pointer(f, 0, kGate | 3);
    REQUIRE(f.run("ff 1b").ok());
    CHECK(f.s.rip == 0xffff800000002000);
    CHECK(f.s.cpl() == 0);
    CHECK(f.s.segment[kSs].selector == 0);
    CHECK(f.s.gpr[kRsp] == kStack0 - 32);
    CHECK(f.stack(0) == kCodeAt + 2);
    CHECK(f.stack(1) == kCode3);
    CHECK(f.stack(2) == kStack3);
    CHECK(f.stack(3) == kData3);
    REQUIRE(f.run("48 cb").ok());
    CHECK(f.s.cpl() == 3);
    CHECK(f.s.gpr[kRsp] == kStack3);
}

TEST_CASE("call gates: refused ones") {
    Fixture f;
    f.long_mode(3);
    pointer(f, 0, kGate | 3);
    SECTION("gate DPL") {
        call_gate(f, kCode0, 0x2000, 0, 0);
        CHECK(is_fault(f.run("ff 1b"), kVectorGP, kGate));
    }
    SECTION("a jump cannot raise the level") {
        call_gate(f, kCode0, 0x2000, 0);
        CHECK(is_fault(f.run("ff 2b"), kVectorGP, kCode0));
    }
    SECTION("the target must be 64-bit code") {
        call_gate(f, kCode32, 0x2000, 0);
        CHECK(is_fault(f.run("ff 1b"), kVectorGP, kCode32));
    }
    SECTION("the second half must have type 0") {
        call_gate(f, kCode0, 0x2000, 0);
        f.gdt(kGate + 8, u64{0x100} << 32);
        CHECK(is_fault(f.run("ff 1b"), kVectorGP, kGate));
    }
    SECTION("not present") {
        call_gate(f, kCode0, 0x2000, 0);
        f.host.memory[kGdt + kGate + 5] &= 0x7f;
        CHECK(is_fault(f.run("ff 1b"), kVectorNP, kGate));
    }
    SECTION("offset not canonical") {
        call_gate(f, kCode0, 0x8000000000000000, 0);
        CHECK(is_fault(f.run("ff 1b"), kVectorGP, 0));
    }
    CHECK(f.s.cpl() == 3);
    CHECK(f.s.gpr[kRsp] == kStack3);
}

TEST_CASE("32-bit call gate copies parameters to the inner stack") {
    Fixture f;
    f.protected_mode(3);
    call_gate(f, kCode32, 0x5000, 2);
    f.s.gpr[kRsp] = kStack3 - 8;
    f.host.store(kStack3 - 8, u32{0x1111});
    f.host.store(kStack3 - 4, u32{0x2222});
    REQUIRE(f.run("9a 00 00 00 00 73 00").ok());
    CHECK(f.s.rip == 0x5000);
    CHECK(f.s.segment[kSs].selector == kData0);
    CHECK(f.s.gpr[kRsp] == kStack0 - 24);
    const u64 expected[] = {kCodeAt + 7, kUser32, 0x1111, 0x2222, kStack3 - 8, kData3};
    for (unsigned i = 0; i < 6; ++i) CHECK(f.stack(i, 4) == expected[i]);
    REQUIRE(f.run("ca 08 00").ok());
    CHECK(f.s.gpr[kRsp] == kStack3);
    CHECK(f.s.cpl() == 3);
}

TEST_CASE("inner stack checks of a call gate name SS0 (#TS, #SS)") {
    struct Case {
        u32 ss;
        u64 descriptor;
        Vector vector;
        u32 code;
    };
    const Case c = GENERATE(values<Case>({
        {0, 0, kVectorTS, 0},
        {kData3, 0, kVectorTS, kData3 & 0xfffc},
        {0x300, 0, kVectorTS, 0x300},
        {kScratch, descriptor_bits(0, 0xfffff, 0xc091), kVectorTS, kScratch},
        {kScratch, descriptor_bits(0, 0xfffff, 0xc013), kVectorSS, kScratch},
        {kScratch, descriptor_bits(0, 0xff, 0x4093), kVectorSS, kScratch},
    }));
    Fixture f;
    f.protected_mode(3);
    call_gate(f, kCode32, 0x5000, 0);
    if (c.descriptor) f.gdt(kScratch, c.descriptor);
    f.host.store(kTss + 8, c.ss);
    CHECK(is_fault(f.run("9a 00 00 00 00 73 00"), c.vector, c.code));
    CHECK(f.s.cpl() == 3);
}

TEST_CASE("real mode: far call, return with release, limits") {
    Fixture f;
    f.real_mode();
    f.s.segment[kCs] = {0x10000, 0xffff, 0x1000, 0x93};
    f.s.rip = 0x100;
    REQUIRE(f.run("9a 34 12 00 20").ok());
    CHECK(f.s.segment[kCs].base == 0x20000);
    CHECK(f.s.rip == 0x1234);
    CHECK(f.stack(0, 2) == 0x105);
    CHECK(f.stack(1, 2) == 0x1000);
    REQUIRE(f.run("ca 04 00").ok());
    CHECK(f.s.segment[kCs].selector == 0x1000);
    CHECK(f.s.gpr[kRsp] == 0x7004);
    CHECK(is_fault(f.run("66 ea 00 00 01 00 00 20"), kVectorGP, 0));
}

TEST_CASE("real mode: a stack pointer wraps at 16 bits") {
    Fixture f;
    f.real_mode();
    f.s.gpr[kRsp] = 0xabcd0002;
    f.s.segment[kSs].base = 0x30000;
    REQUIRE(f.run("9a 00 00 00 20").ok());
    CHECK(f.s.gpr[kRsp] == 0xabcdfffe);
    CHECK(f.host.load<u16>(0x30000) == 0);
    CHECK(f.host.load<u16>(0x3fffe) == kCodeAt + 5);
}

}  // namespace twin86
