// Delivery in IA-32e mode: frames, stacks, checks. SDM vol. 3, 6.12 to 6.14.
#include "tests/unit/cpu_semantics/fixture.h"

namespace twin86 {

namespace {

constexpr u64 kHandler = 0xffff800000045678;

}  // namespace

TEST_CASE("long mode: an interrupt from user mode switches to RSP0 and pushes five words (6.14.2)") {
    Fixture f;
    f.long_mode(3);
    f.gate64(0x41, kCode0, kHandler);
    f.s.rflags = 0x246 | kFlagTF | kFlagNT | kFlagRF;
    f.s.rip = 0x401000;
    f.s.gpr[kRsp] = 0x7fff0003;
    inject(f.cpu(), Event::external(0x41));
    CHECK(f.s.rip == kHandler);
    CHECK(f.s.cpl() == 0);
    CHECK(f.s.mode64());
    CHECK(f.s.segment[kCs].selector == kCode0);
    CHECK(f.s.segment[kSs].selector == 0);
    CHECK(f.s.gpr[kRsp] == kStack0 - 40);
    CHECK(f.stack(0) == 0x401000);
    CHECK(f.stack(1) == kCode3);
    CHECK(f.stack(2) == (0x246 | kFlagTF | kFlagNT | kFlagRF));
    CHECK(f.stack(3) == 0x7fff0003);
    CHECK(f.stack(4) == kData3);
    CHECK(f.s.rflags == 0x46);
    CHECK(f.host.last_write_supervisor);
}

TEST_CASE("long mode: the same level keeps SS and aligns RSP to 16; trap gates keep IF") {
    Fixture f;
    f.long_mode(0);
    f.gate64(0x41, kCode0, kHandler, kTrapGate);
    f.s.rflags = 0x202;
    f.s.gpr[kRsp] = kStack0 - 5;
    inject(f.cpu(), Event::external(0x41));
    CHECK(f.s.gpr[kRsp] == kStack0 - 16 - 40);
    CHECK(f.stack(3) == kStack0 - 5);
    CHECK(f.s.segment[kSs].selector == kData0);
    CHECK(f.s.rflags == 0x202);
    CHECK_FALSE(f.host.last_write_supervisor);
}

TEST_CASE("long mode: IST replaces RSP even at the same level (6.14.5)") {
    Fixture f;
    f.long_mode(0);
    f.gate64(kVectorNMI, kCode0, kHandler, kInterruptGate, 0, 1);
    inject(f.cpu(), Event::nmi());
    CHECK(f.s.gpr[kRsp] == kIst1 - 40);
    CHECK(f.s.nmi_blocked);
    CHECK_FALSE(nmi_enabled(f.s));
}

TEST_CASE("long mode: #PF pushes its error code and RF, and sets CR2") {
    Fixture f;
    f.long_mode(3);
    f.gate64(kVectorPF, kCode0, kHandler);
    raise(f.cpu(), Outcome::page_fault(kPfUser | kPfWrite, 0xdead000));
    CHECK(f.s.cr2 == 0xdead000);
    CHECK(f.stack(0) == (kPfUser | kPfWrite));
    CHECK((f.stack(3) & kFlagRF) != 0);
    CHECK(f.s.gpr[kRsp] == kStack0 - 48);
    CHECK((f.s.rflags & kFlagRF) == 0);
}

TEST_CASE("long mode: #DB records its causes, clears GD, and pushes no RF for traps (17.3.1.1)") {
    Fixture f;
    f.long_mode(0);
    f.gate64(kVectorDB, kCode0, kHandler);
    f.s.dr[6] = 0xffff0ff3;
    f.s.dr[7] |= bit(13);
    raise(f.cpu(), Outcome::debug(bit(14)));
    CHECK(f.s.dr[6] == 0xffff4ff0);
    CHECK((f.s.dr[7] & bit(13)) == 0);
    CHECK((f.stack(2) & kFlagRF) == 0);
}

TEST_CASE("long mode: checks of the gate and its segment name what failed") {
    Fixture f;
    f.long_mode(3);
    const Event external = Event::external(0x41);
    SECTION("beyond the IDT") {
        f.s.idtr.limit = 0x41 * 16 + 14;
        CHECK(is_fault(deliver(f.cpu(), external), kVectorGP, 0x41 * 8 + 3));
    }
    SECTION("not a 64-bit gate type") {
        f.gate64(0x41, kCode0, kHandler, kTaskGate);
        CHECK(is_fault(deliver(f.cpu(), external), kVectorGP, 0x41 * 8 + 3));
    }
    SECTION("software interrupts check the DPL and have EXT = 0") {
        f.gate64(0x80, kCode0, kHandler, kInterruptGate, 0);
        CHECK(is_fault(f.run("cd 80"), kVectorGP, 0x80 * 8 + 2));
        f.gate64(0x80, kCode0, kHandler, kInterruptGate, 3);
        CHECK(f.run("cd 80").ok());
        CHECK(f.stack(0) == kCodeAt + 2);
    }
    SECTION("not present") {
        f.gate64(0x41, kCode0, kHandler);
        f.host.memory[kIdt + 0x41 * 16 + 5] &= 0x7f;
        CHECK(is_fault(deliver(f.cpu(), external), kVectorNP, 0x41 * 8 + 3));
    }
    SECTION("null selector") {
        f.gate64(0x41, 3, kHandler);
        CHECK(is_fault(deliver(f.cpu(), external), kVectorGP, 1));
    }
    SECTION("32-bit code segment") {
        f.gate64(0x41, kCode32, kHandler);
        CHECK(is_fault(deliver(f.cpu(), external), kVectorGP, kCode32 | 1));
    }
    SECTION("code segment not present") {
        f.gdt(kScratch, descriptor_bits(0, 0xfffff, 0xa01b));
        f.gate64(0x41, kScratch, kHandler);
        CHECK(is_fault(deliver(f.cpu(), external), kVectorNP, kScratch | 1));
    }
    SECTION("handler address not canonical") {
        f.gate64(0x41, kCode0, 0x8000000000000000);
        CHECK(is_fault(deliver(f.cpu(), external), kVectorGP, 1));
    }
    SECTION("TSS too short for RSP0") {
        f.gate64(0x41, kCode0, kHandler);
        f.s.tr.limit = 10;
        CHECK(is_fault(deliver(f.cpu(), external), kVectorTS, kTssSelector | 1));
    }
    SECTION("RSP0 not canonical") {
        f.gate64(0x41, kCode0, kHandler);
        f.host.store(kTss + 4, u64{0x1234567800000000});
        CHECK(is_fault(deliver(f.cpu(), external), kVectorSS, 1));
    }
    SECTION("the stack page is missing: nothing changes") {
        f.gate64(0x41, kCode0, kHandler);
        f.host.holes.push_back({kStack0 - 0x1000, kStack0 - 1, true});
        const Outcome outcome = deliver(f.cpu(), external);
        CHECK(is_fault(outcome, kVectorPF, kPfWrite));
        CHECK(outcome.address == kStack0 - 8);  // of the first push
        CHECK(f.s.rip == kCodeAt);
        CHECK(f.s.cpl() == 3);
        CHECK(f.s.gpr[kRsp] == kStack3);
    }
    CHECK(f.host.writes <= 1);
}

TEST_CASE("long mode: a frame across two pages is written whole or not at all") {
    Fixture f;
    f.long_mode(3);
    f.gate64(0x41, kCode0, kHandler);
    f.host.store(kTss + 4, kStack0 + 16);
    f.host.holes.push_back({kStack0 - 0x1000, kStack0 - 1, true});
    CHECK(is_fault(deliver(f.cpu(), Event::external(0x41)), kVectorPF, kPfWrite));
    CHECK(f.host.load<u64>(kStack0) == 0);
    CHECK(f.host.load<u64>(kStack0 + 8) == 0);
    f.host.holes.clear();
    inject(f.cpu(), Event::external(0x41));
    CHECK(f.s.gpr[kRsp] == kStack0 + 16 - 40);
    CHECK(f.host.load<u64>(kStack0 + 8) == kData3);
    CHECK(f.stack(0) == kCodeAt);
}

TEST_CASE("long mode: the accessed bit of the handler's segment is set") {
    Fixture f;
    f.long_mode(3);
    f.gdt(kScratch, descriptor_bits(0, 0xfffff, 0xa09a));
    f.gate64(0x41, kScratch, kHandler);
    inject(f.cpu(), Event::external(0x41));
    CHECK(f.host.memory[kGdt + kScratch + 5] == 0x9b);
    CHECK(f.s.segment[kCs].attributes == 0xa09b);
}

TEST_CASE("interrupts wait for the end of a shadow and wake a halted processor") {
    Fixture f;
    f.long_mode(0);
    f.gate64(0x41, kCode0, kHandler);
    CHECK_FALSE(interrupts_enabled(f.s));
    CHECK(f.run("fb").ok());
    CHECK(f.s.shadow == kShadowSti);
    CHECK_FALSE(interrupts_enabled(f.s));
    f.s.shadow = kShadowNone;
    CHECK(interrupts_enabled(f.s));
    CHECK(f.run("f4").ok());
    CHECK(f.s.activity == Activity::kHalted);
    inject(f.cpu(), Event::external(0x41));
    CHECK(f.s.activity == Activity::kRunning);
    CHECK(f.stack(0) == kCodeAt + 2);
}

}  // namespace twin86
