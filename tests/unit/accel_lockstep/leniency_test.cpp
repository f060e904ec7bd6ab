// What may differ, and that its neighbours may not.
#include "accel/lockstep/leniency.h"

#include "accel/lockstep/state_difference.h"
#include "tests/lib/jit_guest.h"

#undef CHECK  // base/check.h has its own; in tests it is Catch's
#include <catch2/catch.hpp>

namespace twin86::test {

namespace {

constexpr Gva kCode = 0x400000, kStack = 0x600000;

struct Guest : JitGuest {
    Guest() {
        map_new(kCode, kPageSize, kUserPage);
        map_new(kStack, kPageSize, kUserPage | kWritablePage);
        start(kCode, kStack + 0x800);
    }
    u64 dead(const std::vector<u8>& code) {
        write(kCode, code);
        return dead_flags(state(), phys().pages(), model());
    }
    bool allows(Gpa address, u32 first, u32 second, bool raised) {
        return Leniency(state(), state(), raised, phys().pages(), model().physical_bits()).allows(address, first, second);
    }
};

}  // namespace

TEST_CASE("flags are dead when they are overwritten before a branch, and nothing reads them") {
    Guest g;
    CHECK(g.dead({0x48, 0x01, 0xd8, 0xeb, 0xfe}) == kFlagsArithmetic);                    // add rax, rbx; jmp
    CHECK(g.dead({0x48, 0x11, 0xd8, 0xeb, 0xfe}) == (kFlagsArithmetic & ~u64{kFlagCF}));  // adc rax, rbx; jmp
    CHECK(g.dead({0x74, 0x00, 0x48, 0x01, 0xd8, 0xeb, 0xfe}) == 0);                       // jz; add rax, rbx
    CHECK(g.dead({0x55, 0x48, 0xff, 0xc0, 0xeb, 0xfe}) == (kFlagsArithmetic & ~u64{kFlagCF}));  // push rbp; inc rax; jmp
    CHECK(g.dead({0x9c, 0x48, 0x01, 0xd8, 0xeb, 0xfe}) == 0);                             // pushf; add rax, rbx
}

TEST_CASE("accessed bits may differ in paging structures, other bits and other pages may not") {
    Guest g;
    const Gpa root = g.state().cr3 & kPageMask, data = g.physical(kStack);
    CHECK(g.allows(root, 0x3, 0x23, false));
    CHECK_FALSE(g.allows(root, 0x3, 0x43, false));
    CHECK_FALSE(g.allows(root, 0x3, 0x63, false));
    CHECK_FALSE(g.allows(data, 0x3, 0x23, false));
}

TEST_CASE("pushed arithmetic flags may differ behind an exception") {
    Guest g;
    const Gpa frame = g.physical(kStack + 0x800);
    CHECK(g.allows(frame + 16, 0x202, 0x247, true));
    CHECK(g.allows(frame + 24, 0x202, 0x247, true));
    CHECK_FALSE(g.allows(frame + 16, 0x202, 0x247, false));
    CHECK_FALSE(g.allows(frame + 16, 0x202, 0x002, true));
    CHECK_FALSE(g.allows(frame + 8, 0x202, 0x247, true));
}

TEST_CASE("states are compared by what instructions can see") {
    Guest g;
    CpuState a = g.state(), b = a;
    b.rflags |= kFlagRF;
    b.shadow = kShadowSti;
    b.xsave[8] = 0x55;    // the x87 instruction pointer
    b.xsave[512] &= 0xfd;  // SSE state is the initial one: its bytes do not count
    b.xsave[160] = 1;
    CHECK(differences(a, b, 0, g.model()).empty());
    b.gpr[kR9] = 7;
    b.rflags |= kFlagCF | kFlagZF;
    b.segment[kDs].limit ^= 1;
    const auto found = differences(a, b, kFlagZF, g.model());
    REQUIRE(found.size() == 3);
    CHECK(found[0].name == "r9");
    CHECK(found[0].second == 7);
    CHECK(found[1].name == "rflags");
    CHECK((found[1].first ^ found[1].second) == kFlagCF);
    CHECK(found[2].name == "ds.limit");
}

}  // namespace twin86::test
