// Hardware task switches. SDM vol. 3, chapter 7.
#include "tests/unit/cpu_semantics/fixture.h"

namespace twin86 {

namespace {

constexpr u16 kNewTss = 0x80;
constexpr Gva kNewAt = 0x6000;
constexpr u16 kSmallTss = 0x90;

struct Tasks : Fixture {
    Tasks() {
        protected_mode(0);
        gdt(kNewTss, descriptor_bits(kNewAt, 0x67, 0x89));
        const u32 words[] = {0x9000, 0x202, 1, 2, 3, 4, 0x21000, 6, 7, 8, kData0, kCode32, kData0, kData0, 0, 0, 0};
        for (unsigned i = 0; i < 17; ++i) host.store(kNewAt + 32 + i * 4, words[i]);
        s.gpr[kRax] = 0x1111;
        s.rflags = 0x46;
    }
};

}  // namespace

TEST_CASE("jmp to a TSS saves the old task, frees it, and loads the new one") {
    Tasks f;
    REQUIRE(f.run("ea 00 00 00 00 80 00").ok());
    CHECK(f.s.rip == 0x9000);
    CHECK(f.s.rflags == 0x202);
    CHECK(f.s.gpr[kRax] == 1);
    CHECK(f.s.gpr[kRsp] == 0x21000);
    CHECK(f.s.gpr[kRdi] == 8);
    CHECK(f.s.tr.selector == kNewTss);
    CHECK((f.s.cr0 & kCr0TS) != 0);
    CHECK(f.s.segment[kFs].unusable());
    CHECK(f.host.memory[kGdt + kTssSelector + 5] == 0x89);
    CHECK(f.host.memory[kGdt + kNewTss + 5] == 0x8b);
    CHECK(f.host.load<u32>(kTss + 32) == kCodeAt + 7);
    CHECK(f.host.load<u32>(kTss + 36) == 0x46);
    CHECK(f.host.load<u32>(kTss + 40) == 0x1111);
    CHECK(f.host.load<u16>(kTss + 76) == kCode32);
}

TEST_CASE("a task switch drops the local breakpoints (17.2.4)") {
    Tasks f;
    f.s.dr[7] = 0x7ff;
    REQUIRE(f.run("ea 00 00 00 00 80 00").ok());
    CHECK(f.s.dr[7] == 0x6aa);
}

TEST_CASE("call to a TSS nests, iret returns") {
    Tasks f;
    REQUIRE(f.run("9a 00 00 00 00 80 00").ok());
    CHECK((f.s.rflags & kFlagNT) != 0);
    CHECK(f.host.load<u16>(kNewAt) == kTssSelector);
    CHECK(f.host.memory[kGdt + kTssSelector + 5] == 0x8b);
    f.s.gpr[kRbx] = 0x77;
    REQUIRE(f.run("cf").ok());
    CHECK(f.s.rip == kCodeAt + 7);
    CHECK(f.s.gpr[kRax] == 0x1111);
    CHECK(f.s.tr.selector == kTssSelector);
    CHECK((f.s.rflags & kFlagNT) == 0);
    CHECK(f.host.load<u32>(kNewAt + 52) == 0x77);
    CHECK((f.host.load<u32>(kNewAt + 36) & kFlagNT) == 0);
    CHECK(f.host.memory[kGdt + kNewTss + 5] == 0x89);
}

TEST_CASE("a task gate in the IDT pushes the error code onto the new stack") {
    Tasks f;
    f.gate(kVectorDF, kNewTss, 0, kTaskGate);
    raise(f.cpu(), Outcome::fault(kVectorDF, 0));
    CHECK(f.s.rip == 0x9000);
    CHECK(f.s.gpr[kRsp] == 0x21000 - 4);
    CHECK(f.s.tr.selector == kNewTss);
    CHECK((f.s.rflags & kFlagNT) != 0);
}

TEST_CASE("a VM86 task enters with all its segments") {
    Tasks f;
    f.host.store(kNewAt + 36, u32{0x20202});
    f.host.store(kNewAt + 76, u32{0x2000});
    REQUIRE(f.run("ea 00 00 00 00 80 00").ok());
    CHECK(f.s.vm86());
    CHECK(f.s.segment[kCs].base == 0x20000);
    CHECK(f.s.cpl() == 3);
}

TEST_CASE("16-bit tasks keep 16-bit state") {
    Tasks f;
    f.gdt(kSmallTss, descriptor_bits(0x6800, 0x2b, 0x81));
    const u16 words[] = {0x9000, 0x202, 1, 2, 3, 4, 0x1000, 6, 7, 8, kData0, kCode32, kData0, kData0, 0};
    for (unsigned i = 0; i < 15; ++i) f.host.store(0x6800 + 14 + i * 2, words[i]);
    REQUIRE(f.run("9a 00 00 00 00 90 00").ok());
    CHECK(f.s.rip == 0x9000);
    CHECK(static_cast<u16>(f.s.gpr[kRsp]) == 0x1000);
    CHECK(f.s.segment[kDs].selector == kData0);
    f.s.gpr[kRax] = 0x5678;
    REQUIRE(f.run("cf").ok());
    CHECK(f.host.load<u16>(0x6800 + 18) == 0x5678);
    CHECK(f.s.gpr[kRax] == 0x1111);
}

TEST_CASE("task switches: refusals leave the old task") {
    Tasks f;
    SECTION("busy") {
        f.gdt(kNewTss, descriptor_bits(kNewAt, 0x67, 0x8b));
        CHECK(is_fault(f.run("ea 00 00 00 00 80 00"), kVectorGP, kNewTss));
    }
    SECTION("not present") {
        f.gdt(kNewTss, descriptor_bits(kNewAt, 0x67, 0x09));
        CHECK(is_fault(f.run("ea 00 00 00 00 80 00"), kVectorNP, kNewTss));
    }
    SECTION("too short") {
        f.gdt(kNewTss, descriptor_bits(kNewAt, 0x66, 0x89));
        CHECK(is_fault(f.run("ea 00 00 00 00 80 00"), kVectorTS, kNewTss));
    }
    SECTION("the old TSS cannot be written") {
        f.host.holes.push_back({kTss, kTss + 0xff, true});
        CHECK(f.run("ea 00 00 00 00 80 00").vector == kVectorPF);
    }
    SECTION("iret to a task that is not busy") {
        f.s.rflags |= kFlagNT;
        f.host.store(kTss, kNewTss);
        CHECK(is_fault(f.run("cf"), kVectorTS, kNewTss));
    }
    CHECK(f.s.tr.selector == kTssSelector);
    CHECK(f.host.memory[kGdt + kTssSelector + 5] == 0x8b);
    CHECK(f.s.rip == kCodeAt);
}

TEST_CASE("a bad segment of the new task is #TS in the new task (7.3)") {
    Tasks f;
    f.gate(kVectorTS, kCode32, 0x5678);
    f.host.store(kNewAt + 84, u32{0x300});  // DS beyond the GDT
    REQUIRE(f.run("ea 00 00 00 00 80 00").ok());
    CHECK(f.s.rip == 0x5678);
    CHECK(f.s.tr.selector == kNewTss);
    CHECK(f.stack(0, 4) == 0x300);
    CHECK(f.stack(1, 4) == 0x9000);
}

TEST_CASE("the T bit raises #DB with DR6.BT before the first instruction") {
    Tasks f;
    f.gate(kVectorDB, kCode32, 0x5678);
    f.host.store(kNewAt + 100, u16{1});
    REQUIRE(f.run("ea 00 00 00 00 80 00").ok());
    CHECK(f.s.rip == 0x5678);
    CHECK((f.s.dr[6] & bit(15)) != 0);
}

TEST_CASE("PAE pointers of the new task with reserved bits are #GP in the old task (4.4.1)") {
    for (const bool pae : {true, false}) {
        Tasks f;
        f.s.cr0 |= kCr0PG;
        f.s.cr4 |= pae ? u64{kCr4PAE} : 0;
        f.s.cr3 = 0x5000;
        f.host.store(kNewAt + 28, u32{0x7000});
        f.host.bad_pae_pointers = 0x7000;
        const Outcome outcome = f.run("ea 00 00 00 00 80 00");
        CHECK(is_fault(outcome, kVectorGP, 0) == pae);
        CHECK(outcome.ok() == !pae);
        CHECK(f.s.tr.selector == (pae ? kTssSelector : kNewTss));
        CHECK(f.s.cr3 == (pae ? 0x5000 : 0x7000));
        CHECK(f.host.memory[kGdt + kNewTss + 5] == (pae ? 0x89 : 0x8b));
    }
}

}  // namespace twin86
