// IRET: SDM vol. 2, IRET/IRETD/IRETQ.
#include "tests/unit/cpu_semantics/fixture.h"

namespace twin86 {

namespace {

void frame64(Fixture& f, u64 rip, u64 cs, u64 flags, u64 rsp, u64 ss) {
    f.s.gpr[kRsp] = kStack0 - 40;
    const u64 words[] = {rip, cs, flags, rsp, ss};
    for (unsigned i = 0; i < 5; ++i) f.host.store(kStack0 - 40 + i * 8, words[i]);
}

void frame32(Fixture& f, u32 eip, u32 cs, u32 flags, u32 esp = 0, u32 ss = 0) {
    f.s.gpr[kRsp] = kStack0 - 20;
    const u32 words[] = {eip, cs, flags, esp, ss};
    for (unsigned i = 0; i < 5; ++i) f.host.store(kStack0 - 20 + i * 4, words[i]);
}

}  // namespace

TEST_CASE("iretq to user mode: flags, stack, inner segments dropped, NMIs unblocked") {
    Fixture f;
    f.long_mode(0);
    f.s.nmi_blocked = true;
    f.s.segment[kGs] = null_segment(0);
    f.s.segment[kGs].base = 0x7000;
    frame64(f, 0x401000, kCode3, 0x3246 | kFlagRF | kFlagAC | kFlagVM, 0x7fff0003, kData3);
    REQUIRE(f.run("48 cf").ok());
    CHECK(f.s.rip == 0x401000);
    CHECK(f.s.cpl() == 3);
    CHECK(f.s.gpr[kRsp] == 0x7fff0003);
    CHECK(f.s.rflags == (0x3246 | kFlagRF | kFlagAC));
    CHECK(f.s.segment[kDs].unusable());
    CHECK(f.s.segment[kDs].selector == 0);
    CHECK(f.s.segment[kGs].base == 0x7000);
    CHECK_FALSE(f.s.nmi_blocked);
}

TEST_CASE("null selectors lose their RPL on the way to user mode, not their base") {
    Fixture f;
    for (const bool user : {true, false}) {
        f.long_mode(0);
        f.s.segment[kEs] = null_segment(1);
        f.s.segment[kGs] = null_segment(3);
        f.s.segment[kGs].base = 0x7000;
        frame64(f, 0x401000, user ? kCode3 : kCode0, 0x202, 0x8000, user ? kData3 : kData0);
        REQUIRE(f.run("48 cf").ok());
        CHECK(f.s.segment[kEs].selector == (user ? 0 : 1));
        CHECK(f.s.segment[kGs].selector == (user ? 0 : 3));
        CHECK(f.s.segment[kGs].base == 0x7000);
    }
}

TEST_CASE("iretq keeps segments that user mode may use") {
    Fixture f;
    f.long_mode(0);
    f.s.segment[kDs] = flat_data(kData3, 3);
    frame64(f, 0x401000, kUser32, 0x202, 0x8000, kData3);
    REQUIRE(f.run("48 cf").ok());
    CHECK(f.s.segment[kDs].selector == kData3);
    CHECK_FALSE(f.s.mode64());
    CHECK(f.s.segment[kCs].default_big());
}

TEST_CASE("iretq to the same level pops SS:RSP too; a null SS is legal at CPL 0") {
    Fixture f;
    f.long_mode(0);
    frame64(f, 0xffffffff81000000, kCode0, 0x46, 0x12345, 0);
    REQUIRE(f.run("48 cf").ok());
    CHECK(f.s.rip == 0xffffffff81000000);
    CHECK(f.s.gpr[kRsp] == 0x12345);
    CHECK(f.s.cpl() == 0);
    CHECK(f.s.segment[kSs].unusable());
}

TEST_CASE("iretq: refused frames leave everything alone") {
    struct Case {
        u64 rip, cs, ss;
        Vector vector;
        u32 code;
    };
    const Case c = GENERATE(values<Case>({
        {0x401000, 0, kData3, kVectorGP, 0},                                // null CS
        {0x401000, 0x1000, kData3, kVectorGP, 0x1000},                      // beyond the GDT
        {0x401000, kData3, kData3, kVectorGP, kData3 & 0xfffc},             // not code
        {0x8000000000000000, kCode3, kData3, kVectorGP, 0},                 // RIP not canonical
        {0x401000, kCode3, 0, kVectorGP, 0},                                // null SS at CPL 3
        {0x401000, kCode3, 3, kVectorGP, 0},                                // also with RPL 3
        {0x401000, kCode3, kData0, kVectorGP, kData0},                      // RPL != CPL
        {0x401000, kCode3, kCode3, kVectorGP, kCode3 & 0xfffc},             // SS not data
        {0x401000, kCode3 & 0xfff8, kData3, kVectorGP, kCode3 & 0xfffc},    // DPL != RPL
        {0x401000, kScratch | 3, kData3, kVectorNP, kScratch},              // CS not present
        {0x401000, kCode3, (kScratch + 8) | 3, kVectorSS, kScratch + 8},    // SS not present
        {0x401000, (kScratch + 16) | 3, kData3, kVectorGP, kScratch + 16},  // L and D
    }));
    Fixture f;
    f.long_mode(0);
    f.gdt(kScratch, descriptor_bits(0, 0xfffff, 0xa07b));
    f.gdt(kScratch + 8, descriptor_bits(0, 0xfffff, 0xc073));
    f.gdt(kScratch + 16, descriptor_bits(0, 0xfffff, 0xe0fb));
    frame64(f, c.rip, c.cs, 0x202, 0x8000, c.ss);
    CHECK(is_fault(f.run("48 cf"), c.vector, c.code));
    CHECK(f.s.rip == kCodeAt);
    CHECK(f.s.gpr[kRsp] == kStack0 - 40);
    CHECK(f.s.cpl() == 0);
    CHECK(f.s.rflags == 2);
}

TEST_CASE("iret in long mode with NT set is #GP(0); a missing stack page is #PF") {
    Fixture f;
    f.long_mode(0);
    frame64(f, 0x401000, kCode3, 0x202, 0x8000, kData3);
    f.s.rflags |= kFlagNT;
    CHECK(is_fault(f.run("48 cf"), kVectorGP, 0));
    f.s.rflags = 2;
    f.host.holes.push_back({kStack0 - 40, kStack0, false});
    CHECK(f.run("48 cf").vector == kVectorPF);
}

TEST_CASE("iretd in 64-bit mode pops 4-byte slots") {
    Fixture f;
    f.long_mode(0);
    frame32(f, 0x401000, kUser32, 0x202, 0x8000, kData3);
    REQUIRE(f.run("cf").ok());
    CHECK(f.s.rip == 0x401000);
    CHECK(f.s.gpr[kRsp] == 0x8000);
    CHECK(f.s.cpl() == 3);
}

TEST_CASE("iret: who may change IF and IOPL") {
    Fixture f;
    f.long_mode(3);
    f.s.gpr[kRsp] = kStack0 - 40;
    const u64 words[] = {0x401000, kCode3, 0x3202, 0x8000, kData3};
    for (unsigned i = 0; i < 5; ++i) f.host.store(kStack0 - 40 + i * 8, words[i]);
    SECTION("CPL 3, IOPL 0: neither") {
        REQUIRE(f.run("48 cf").ok());
        CHECK(f.s.rflags == 2);
    }
    SECTION("CPL 3, IOPL 3: IF") {
        f.s.rflags |= 3 << 12;
        f.host.store(kStack0 - 24, u64{0x0202});
        REQUIRE(f.run("48 cf").ok());
        CHECK(f.s.rflags == 0x3202);
    }
}

TEST_CASE("protected mode: iretd to the same level pops three words, to an outer one five") {
    Fixture f;
    f.protected_mode(0);
    SECTION("same") {
        frame32(f, 0x9000, kCode32, 0x202);
        REQUIRE(f.run("cf").ok());
        CHECK(f.s.gpr[kRsp] == kStack0 - 8);
        CHECK(f.s.rip == 0x9000);
    }
    SECTION("outer") {
        frame32(f, 0x9000, kUser32, 0x202, 0x8000, kData3);
        REQUIRE(f.run("cf").ok());
        CHECK(f.s.gpr[kRsp] == 0x8000);
        CHECK(f.s.cpl() == 3);
        CHECK(f.s.segment[kEs].unusable());
    }
    SECTION("EIP beyond the limit") {
        f.gdt(kScratch, descriptor_bits(0, 0xfff, 0x409b));
        frame32(f, 0x1000, kScratch, 0x202);
        CHECK(is_fault(f.run("cf"), kVectorGP, 0));
    }
}

TEST_CASE("protected mode: iretd into VM86 mode loads all segments") {
    Fixture f;
    f.protected_mode(0);
    f.s.gpr[kRsp] = kStack0 - 36;
    const u32 words[] = {0x100, 0x2000, 0x23202 | kFlagVIF, 0xffe, 0x3000, 0x11, 0x22, 0x33, 0x44};
    for (unsigned i = 0; i < 9; ++i) f.host.store(kStack0 - 36 + i * 4, words[i]);
    REQUIRE(f.run("cf").ok());
    CHECK(f.s.vm86());
    CHECK(f.s.cpl() == 3);
    CHECK(f.s.iopl() == 3);
    CHECK(f.s.segment[kCs].base == 0x20000);
    CHECK(f.s.segment[kSs].base == 0x30000);
    CHECK(f.s.segment[kEs].selector == 0x11);
    CHECK(f.s.segment[kDs].selector == 0x22);
    CHECK(f.s.segment[kFs].selector == 0x33);
    CHECK(f.s.segment[kGs].selector == 0x44);
    CHECK(f.s.gpr[kRsp] == 0xffe);
    CHECK((f.s.rflags & kFlagVIF) != 0);
}

TEST_CASE("real mode: iret pops IP, CS and all of FLAGS") {
    Fixture f;
    f.real_mode();
    f.s.rflags = 2 | kFlagVIF;
    const u16 words[] = {0x1234, 0x2000, 0x7fd7};
    for (unsigned i = 0; i < 3; ++i) f.host.store(0x7000 + i * 2, words[i]);
    REQUIRE(f.run("cf").ok());
    CHECK(f.s.rip == 0x1234);
    CHECK(f.s.segment[kCs].base == 0x20000);
    CHECK(f.s.rflags == (0x7fd7 | kFlagVIF));
    CHECK(f.s.gpr[kRsp] == 0x7006);
}

}  // namespace twin86
