// Delivery in real, protected and VM86 mode. SDM vol. 3, 6.12, 20.1.4, 20.3.
#include "tests/unit/cpu_semantics/fixture.h"

namespace twin86 {

TEST_CASE("real mode: three words through the vector table, IF, TF and AC cleared, no error code") {
    Fixture f;
    f.real_mode();
    f.host.store(0x0d * 4, u32{0xf000'1234});
    f.s.rflags = 0x302 | kFlagAC;
    raise(f.cpu(), Outcome::fault(kVectorGP, 0));
    CHECK(f.s.segment[kCs].base == 0xf0000);
    CHECK(f.s.rip == 0x1234);
    CHECK(f.s.gpr[kRsp] == 0x7000 - 6);
    CHECK(f.stack(0, 2) == kCodeAt);
    CHECK(f.stack(1, 2) == 0);
    CHECK(f.stack(2, 2) == 0x302);
    CHECK(f.s.rflags == 2);
}

TEST_CASE("real mode: int n, into, int3") {
    Fixture f;
    f.real_mode();
    f.host.store(0x13 * 4, u32{0xf000'0013});
    f.host.store(4 * 4, u32{0xf000'0004});
    f.host.store(3 * 4, u32{0xf000'0003});
    REQUIRE(f.run("ce").ok());
    CHECK(f.s.rip == kCodeAt + 1);
    f.s.rip = kCodeAt;
    f.s.rflags |= kFlagOF;
    REQUIRE(f.run("ce").ok());
    CHECK(f.s.rip == 4);
    CHECK(f.stack(0, 2) == kCodeAt + 1);
    REQUIRE(f.run("cd 13").ok());
    CHECK(f.s.rip == 0x13);
    REQUIRE(f.run("cc").ok());
    CHECK(f.s.rip == 3);
}

TEST_CASE("protected mode: to an inner level five words, at the same level three") {
    Fixture f;
    const unsigned cpl = GENERATE(0u, 3u);
    f.protected_mode(cpl);
    f.gate(kVectorGP, kCode32, 0x5678);
    f.s.rflags = 0x202;
    raise(f.cpu(), Outcome::fault(kVectorGP, 0x42));
    CHECK(f.s.rip == 0x5678);
    CHECK(f.s.cpl() == 0);
    CHECK(f.s.gpr[kRsp] == kStack0 - (cpl ? 24 : 16));
    CHECK(f.stack(0, 4) == 0x42);
    CHECK(f.stack(1, 4) == kCodeAt);
    CHECK(f.stack(2, 4) == (cpl ? kUser32 : kCode32));
    CHECK(f.stack(3, 4) == (0x202 | kFlagRF));
    if (cpl) {
        CHECK(f.stack(4, 4) == kStack3);
        CHECK(f.stack(5, 4) == kData3);
        CHECK(f.s.segment[kSs].selector == kData0);
    }
    CHECK(f.s.rflags == 2);
}

TEST_CASE("each inner level has its own stack in the TSS") {
    Fixture f;
    const unsigned level = GENERATE(1u, 2u);
    const u16 code = kScratch, stack = kScratch + 8;
    const u16 dpl = static_cast<u16>(level << 5);
    SECTION("32 bit") {
        f.protected_mode(3);
        f.gdt(code, descriptor_bits(0, 0xfffff, 0xc09b | dpl));
        f.gdt(stack, descriptor_bits(0, 0xfffff, 0xc093 | dpl));
        f.host.store(kTss + 4 + level * 8, u32{0x25000});
        f.host.store(kTss + 8 + level * 8, u32{stack} | level);
        f.gate(0x20, code, 0x5678);
        inject(f.cpu(), Event::external(0x20));
        CHECK(f.s.gpr[kRsp] == 0x25000 - 20);
        CHECK(f.s.segment[kSs].selector == (stack | level));
    }
    SECTION("64 bit") {
        f.long_mode(3);
        f.gdt(code, descriptor_bits(0, 0xfffff, 0xa09b | dpl));
        f.host.store(kTss + 4 + level * 8, u64{0x25000});
        f.gate64(0x20, code, 0x5678);
        inject(f.cpu(), Event::external(0x20));
        CHECK(f.s.gpr[kRsp] == 0x25000 - 40);
        CHECK(f.s.segment[kSs].selector == level);
    }
    CHECK(f.s.cpl() == level);
    CHECK(f.s.segment[kCs].selector == (code | level));
}

TEST_CASE("protected mode: 16-bit gates push words and clear the upper half of EIP") {
    Fixture f;
    f.protected_mode(0);
    f.gate(0x20, kCode32, 0x12345678, kTrapGate16);
    f.s.rflags = 0x202;
    inject(f.cpu(), Event::external(0x20));
    CHECK(f.s.rip == 0x5678);
    CHECK(f.s.gpr[kRsp] == kStack0 - 6);
    CHECK(f.stack(0, 2) == kCodeAt);
    CHECK(f.s.rflags == 0x202);
}

TEST_CASE("protected mode: error codes of a bad gate, segment or stack") {
    Fixture f;
    f.protected_mode(3);
    const Event event = Event::external(0x20);
    CHECK(is_fault(deliver(f.cpu(), event), kVectorGP, 0x20 * 8 + 3));  // no gate type
    f.gate(0x20, kCode32, 0x1000);
    CHECK(is_fault(f.run("cd 20"), kVectorGP, 0x20 * 8 + 2));  // DPL
    f.host.store(kTss + 8, u32{kData3});
    CHECK(is_fault(deliver(f.cpu(), event), kVectorTS, (kData3 & 0xfffc) | 1));
    f.gate(0x20, kData0, 0x1000);
    CHECK(is_fault(deliver(f.cpu(), event), kVectorGP, kData0 | 1));
    f.gate(0x20, 0, 0x1000);
    CHECK(is_fault(deliver(f.cpu(), event), kVectorGP, 1));
    f.protected_mode(0);
    f.s.gpr[kRsp] = 4;
    f.s.segment[kSs].attributes = 0x4097;  // expand-down
    f.s.segment[kSs].limit = 0xffff;
    f.gate(0x20, kCode32, 0x1000);
    CHECK(is_fault(deliver(f.cpu(), event), kVectorSS, 1));
}

TEST_CASE("VM86: delivery leaves for CPL 0, pushes and clears the data segments") {
    Fixture f;
    f.vm86_mode(0);
    f.gate(0x20, kCode32, 0x5678);
    const u64 flags = f.s.rflags;
    inject(f.cpu(), Event::external(0x20));
    CHECK_FALSE(f.s.vm86());
    CHECK(f.s.cpl() == 0);
    CHECK(f.s.gpr[kRsp] == kStack0 - 36);
    const u64 expected[] = {0, 0x800, flags, 0x1000, 0x3000, 0x100, 0x400, 0x500, 0x600};
    for (unsigned i = 0; i < 9; ++i) CHECK(f.stack(i, 4) == expected[i]);
    for (const unsigned i : {kEs, kDs, kFs, kGs}) CHECK(f.s.segment[i].unusable());
    REQUIRE(f.run("cf").ok());
    CHECK(f.s.vm86());
    CHECK(f.s.segment[kGs].base == 0x6000);
    CHECK(f.s.rflags == flags);
}

TEST_CASE("VM86: the handler must be nonconforming code of DPL 0") {
    Fixture f;
    f.vm86_mode(3);
    f.gate(0x20, kUser32 & ~3, 0x5678);
    CHECK(is_fault(deliver(f.cpu(), Event::external(0x20)), kVectorGP, (kUser32 & 0xfffc) | 1));
    f.gdt(kScratch, descriptor_bits(0, 0xfffff, 0xc09f));
    f.gate(0x20, kScratch, 0x5678);
    CHECK(is_fault(deliver(f.cpu(), Event::external(0x20)), kVectorGP, kScratch | 1));
}

TEST_CASE("VM86: IOPL guards int n, pushf, popf, iret, cli, sti") {
    const std::string hex = GENERATE(as<std::string>{}, "cd 21", "9c", "9d", "cf", "fa", "fb");
    Fixture f;
    f.vm86_mode(2);
    CHECK(is_fault(f.run(hex), kVectorGP, 0));
}

TEST_CASE("VME: int n goes to the program's own handler, with VIF as IF (20.3.3.4)") {
    Fixture f;
    f.vm86_mode(0);
    f.s.cr4 = kCr4VME;
    f.s.tr.limit = 0x200;
    f.host.store(kTss + 102, u16{0x88});  // I/O map base: the redirection map lies 32 bytes before
    f.host.store(0x21 * 4, u32{0x0900'0040});
    f.s.rflags |= kFlagVIF;
    REQUIRE(f.run("cd 21").ok());
    CHECK(f.s.vm86());
    CHECK(f.s.rip == 0x40);
    CHECK(f.s.segment[kCs].base == 0x9000);
    CHECK(f.stack(0, 2) == 2);
    CHECK((f.stack(2, 2) & (kFlagIF | kFlagIOPL)) == (kFlagIF | kFlagIOPL));
    CHECK((f.s.rflags & kFlagVIF) == 0);
    CHECK((f.s.rflags & kFlagIF) != 0);
    REQUIRE(f.run("cf").ok());  // back
    CHECK((f.s.rflags & kFlagVIF) != 0);
    CHECK(f.s.iopl() == 0);
    CHECK(f.s.rip == 2);
    f.host.memory[kTss + 0x88 - 32 + 0x21 / 8] = 1 << (0x21 % 8);
    CHECK(is_fault(f.run("cd 21"), kVectorGP, 0));
}

TEST_CASE("VME and PVI: cli, sti, pushf, popf work on VIF; VIP asks for the monitor") {
    Fixture f;
    f.vm86_mode(0);
    f.s.cr4 = kCr4VME;
    REQUIRE(f.run("fb").ok());
    CHECK((f.s.rflags & kFlagVIF) != 0);
    REQUIRE(f.run("9c").ok());
    CHECK((f.stack(0, 2) & kFlagIF) != 0);
    REQUIRE(f.run("fa").ok());
    CHECK((f.s.rflags & kFlagVIF) == 0);
    REQUIRE(f.run("9d").ok());
    CHECK((f.s.rflags & kFlagVIF) != 0);
    f.s.rflags |= kFlagVIP;
    CHECK(is_fault(f.run("fb"), kVectorGP, 0));
    CHECK(is_fault(f.run("66 9c"), kVectorGP, 0));
    Fixture pvi;
    pvi.protected_mode(3);
    CHECK(is_fault(pvi.run("fb"), kVectorGP, 0));
    pvi.s.cr4 = kCr4PVI;
    REQUIRE(pvi.run("fb").ok());
    CHECK((pvi.s.rflags & (kFlagVIF | kFlagIF)) == kFlagVIF);
}

}  // namespace twin86
