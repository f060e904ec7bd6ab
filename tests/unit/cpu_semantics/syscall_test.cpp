// SYSCALL, SYSRET, SYSENTER, SYSEXIT, SWAPGS. SDM vol. 2; APM vol. 3.
#include "tests/unit/cpu_semantics/fixture.h"

namespace twin86 {

namespace {

constexpr u64 kEntry = 0xffffffff81800000, kEntry32 = 0xffffffff81900000;

void set_star(Fixture& f) {
    f.s.star = u64{0x1b} << 48 | u64{0x08} << 32 | 0x9000;
    f.s.lstar = kEntry;
    f.s.cstar = kEntry32;
    f.s.sfmask = 0x47700;
}

}  // namespace

TEST_CASE("syscall in 64-bit mode") {
    Fixture f(GENERATE(true, false));
    f.long_mode(3);
    set_star(f);
    f.s.rflags = 0x10346 | kFlagAC | kFlagID;
    REQUIRE(f.run("0f 05").ok());
    CHECK(f.s.rip == kEntry);
    CHECK(f.s.gpr[kRcx] == kCodeAt + 2);
    CHECK(f.s.gpr[kR11] == (0x346 | kFlagAC | kFlagID));
    CHECK(f.s.rflags == (0x46 | kFlagID));
    CHECK(f.s.cpl() == 0);
    CHECK(f.s.mode64());
    CHECK(f.s.segment[kCs].selector == 0x08);
    CHECK(f.s.segment[kSs].selector == 0x10);
    CHECK(f.s.gpr[kRsp] == kStack3);
}

TEST_CASE("syscall needs EFER.SCE") {
    Fixture f;
    f.long_mode(3);
    f.s.efer &= ~u64{kEferSCE};
    CHECK(is_fault(f.run("0f 05"), kVectorUD));
    CHECK(is_fault(f.run("48 0f 07"), kVectorUD));
}

TEST_CASE("syscall in compatibility mode: CSTAR on AMD, #UD on Intel") {
    const bool amd = GENERATE(true, false);
    Fixture f(amd);
    f.compatibility_mode();
    set_star(f);
    const Outcome outcome = f.run("0f 05");
    if (!amd) {
        CHECK(is_fault(outcome, kVectorUD));
        return;
    }
    REQUIRE(outcome.ok());
    CHECK(f.s.rip == kEntry32);
    CHECK(f.s.mode64());
    CHECK(f.s.gpr[kRcx] == kCodeAt + 2);
}

TEST_CASE("syscall and sysret in legacy mode on AMD use STAR[31:0]") {
    Fixture f;
    f.protected_mode(3);
    set_star(f);
    f.s.efer = kEferSCE;
    f.s.rflags = 0x202;
    REQUIRE(f.run("0f 05").ok());
    CHECK(f.s.rip == 0x9000);
    CHECK(f.s.cpl() == 0);
    CHECK(f.s.rflags == 2);
    CHECK_FALSE(f.s.segment[kCs].long_mode());
    REQUIRE(f.run("0f 07").ok());
    CHECK(f.s.rip == kCodeAt + 2);
    CHECK(f.s.cpl() == 3);
    CHECK(f.s.segment[kCs].selector == 0x1b);
    CHECK(f.s.rflags == 0x202);
}

TEST_CASE("sysretq and sysretl") {
    Fixture f;
    f.long_mode(0);
    set_star(f);
    f.s.gpr[kRcx] = 0x7fff12345678;
    f.s.gpr[kR11] = ~u64{0};
    SECTION("to 64-bit mode") {
        REQUIRE(f.run("48 0f 07").ok());
        CHECK(f.s.rip == 0x7fff12345678);
        CHECK(f.s.segment[kCs].selector == 0x2b);
        CHECK(f.s.mode64());
    }
    SECTION("to compatibility mode") {
        REQUIRE(f.run("0f 07").ok());
        CHECK(f.s.rip == 0x12345678);
        CHECK(f.s.segment[kCs].selector == 0x1b);
        CHECK_FALSE(f.s.mode64());
    }
    CHECK(f.s.segment[kSs].selector == 0x23);
    CHECK(f.s.cpl() == 3);
    CHECK(f.s.rflags == 0x3c7fd7);
}

TEST_CASE("sysret at CPL 3 is #GP; to a non-canonical address it depends on the vendor") {
    const bool amd = GENERATE(true, false);
    Fixture f(amd);
    SECTION("CPL 3") {
        f.long_mode(3);
        CHECK(is_fault(f.run("48 0f 07"), kVectorGP, 0));
    }
    SECTION("non-canonical") {
        f.long_mode(0);
        f.s.gpr[kRcx] = 0x8000000000000000;
        const Outcome outcome = f.run("48 0f 07");
        CHECK(outcome.ok() == amd);
        CHECK(f.s.cpl() == (amd ? 3u : 0u));
    }
}

TEST_CASE("sysenter and sysexit: legacy on both vendors, long mode on Intel only") {
    const bool amd = GENERATE(true, false);
    Fixture f(amd);
    f.s.sysenter_cs = kCode0;
    f.s.sysenter_eip = 0xffff800000001000;
    f.s.sysenter_esp = 0xffff800000002000;
    SECTION("protected mode") {
        f.protected_mode(3);
        REQUIRE(f.run("0f 34").ok());
        CHECK(f.s.rip == 0x1000);
        CHECK(f.s.gpr[kRsp] == 0x2000);
        CHECK(f.s.cpl() == 0);
        CHECK(f.s.segment[kSs].selector == kCode0 + 8);
        f.s.gpr[kRdx] = 0x3000;
        f.s.gpr[kRcx] = 0x4000;
        REQUIRE(f.run("0f 35").ok());
        CHECK(f.s.rip == 0x3000);
        CHECK(f.s.gpr[kRsp] == 0x4000);
        CHECK(f.s.segment[kCs].selector == (kCode0 + 16) + 3);
        CHECK(f.s.cpl() == 3);
    }
    SECTION("long mode") {
        f.long_mode(3);
        const Outcome outcome = f.run("0f 34");
        if (amd) {
            CHECK(is_fault(outcome, kVectorUD));
            return;
        }
        CHECK(f.s.rip == 0xffff800000001000);
        CHECK(f.s.mode64());
        f.s.gpr[kRdx] = 0x7fff00001000;
        REQUIRE(f.run("48 0f 35").ok());
        CHECK(f.s.rip == 0x7fff00001000);
        CHECK(f.s.segment[kCs].selector == kCode0 + 32 + 3);
        CHECK(f.s.mode64());
    }
    SECTION("a null CS is #GP(0)") {
        f.protected_mode(3);
        f.s.sysenter_cs = 3;
        CHECK(is_fault(f.run("0f 34"), kVectorGP, 0));
        CHECK(is_fault(f.run("0f 35"), kVectorGP, 0));
    }
}

TEST_CASE("swapgs and the FSGSBASE writes") {
    Fixture f;
    f.long_mode(0);
    f.s.segment[kGs].base = 0x1111;
    f.s.kernel_gs_base = 0x2222;
    REQUIRE(f.run("0f 01 f8").ok());
    CHECK(f.s.segment[kGs].base == 0x2222);
    CHECK(f.s.kernel_gs_base == 0x1111);
    CHECK(is_fault(f.run("f3 48 0f ae d0"), kVectorUD));  // wrfsbase rax without CR4.FSGSBASE
    f.s.cr4 |= kCr4FSGSBASE;
    f.s.gpr[kRax] = 0x1234567812345678;
    CHECK(is_fault(f.run("f3 48 0f ae d0"), kVectorGP, 0));
    CHECK(f.run("f3 0f ae d8").ok());  // wrgsbase eax
    CHECK(f.s.segment[kGs].base == 0x12345678);
    Fixture user;
    user.long_mode(3);
    CHECK(is_fault(user.run("0f 01 f8"), kVectorGP, 0));
}

}  // namespace twin86
