// The guest's own debug registers and single steps under KVM. SDM vol. 3, 17.2 and 17.3.1.
#include "cpu/semantics/breakpoints.h"
#include "tests/unit/accel_kvm/kvm_guest.h"

namespace twin86::test {

namespace {

constexpr Gva kData = 0x500000;
constexpr u64 kLocal0 = 1, kWrite4 = 0xd0000;  ///< DR7: L0; R/W0 = write, LEN0 = 4 bytes
constexpr Gva kDebugHandler = JitGuest::kSystemBase + 0x2000 + kVectorDB * 16;

/// mov [rdi], eax; nop; nop; int3
struct DebuggedGuest : KvmGuest {
    explicit DebuggedGuest(bool has_second = false) : KvmGuest(has_second) {
        jit.map_new(kData, kPageSize, kUserPage | kWritablePage);
        load({0x89, 0x07, 0x90, 0x90, 0xcc});
    }
    /// True: #DB was raised; `s` is the state in its handler.
    bool debug_exception(CpuState& s) {
        s.gpr[kRdi] = kData;
        REQUIRE(run(s) == RunExit::kHalted);
        s = vcpu().state();
        return s.rip == kDebugHandler + 1;
    }
    u64 saved_rip(const CpuState& s) {
        u64 rip = 0;
        jit.read(s.gpr[kRsp], {reinterpret_cast<u8*>(&rip), 8});
        return rip;
    }
};

}  // namespace

TEST_CASE("a single step traps behind its instruction, in both rings") {
    NEED_KVM();
    DebuggedGuest guest;
    for (const bool user : {false, true}) {
        CpuState s = guest.start(user);
        s.rflags |= kFlagTF;
        INFO("user " << user);
        REQUIRE(guest.debug_exception(s));
        CHECK((s.dr[6] & kDr6Bs) != 0);
        CHECK(guest.saved_rip(s) == KvmGuest::kCode + 2);
    }
}

TEST_CASE("breakpoints: hardware hits them, in both rings; a host that emulates ring 0 leaves them to the other engine") {
    struct Breakpoint {
        const char* what;
        Gva at;
        u64 dr7, traps_at;
    };
    constexpr Breakpoint kBreakpoints[] = {{"instruction", KvmGuest::kCode + 3, kLocal0, KvmGuest::kCode + 3},
                                           {"data", kData, kLocal0 | kWrite4, KvmGuest::kCode + 2}};
    NEED_KVM();
    DebuggedGuest guest(true);
    for (const Breakpoint& b : kBreakpoints)
        for (const bool user : {false, true}) {
            INFO(b.what << ", user " << user);
            CpuState s = guest.start(user);
            s.dr[0] = b.at, s.dr[7] |= b.dr7;
            if (!guest.backend().native_ring0()) {
                REQUIRE(guest.run(s) == RunExit::kFatal);
                CHECK(guest.vcpu().failure() == (user ? "debugging" : "ring 0 of a 64-bit guest"));
                CHECK(guest.vcpu().state().rip == KvmGuest::kCode);
                continue;
            }
            REQUIRE(guest.debug_exception(s));
            CHECK((s.dr[6] & 0xf) == 1);
            CHECK(guest.saved_rip(s) == b.traps_at);
        }
}

TEST_CASE("protected mode with a breakpoint is for the other engine where ring 0 is emulated") {
    NEED_KVM();
    DebuggedGuest guest(true);
    if (guest.backend().native_ring0()) return;
    CpuState s = guest.start(false);
    s.efer = 0, s.cr0 = kCr0PE | kCr0ET, s.dr[7] |= kLocal0;
    REQUIRE(guest.run(s) == RunExit::kFatal);
    CHECK(guest.vcpu().failure() == "debugging");
}

}  // namespace twin86::test
