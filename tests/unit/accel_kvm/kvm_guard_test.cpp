// Guests with SYSCALL on hosts whose KVM emulates ring 0: what ring 3 does there, and how it comes out.
#include <cstring>

#include "tests/unit/accel_kvm/kvm_guest.h"

namespace twin86::test {

namespace {

#define NEED_EMULATED_RING0()                            \
    NEED_KVM();                                          \
    if (kvm::probe_backend()->native_ring0()) {          \
        WARN("skipped: this host runs ring 0 natively"); \
        return;                                          \
    }

/// Ring 3 as Linux leaves it to a program.
CpuState guarded_state(KvmGuest& guest) {
    CpuState s = guest.start();
    s.efer |= kEferSCE;
    s.star = u64{0x1b} << 48 | u64{8} << 32, s.lstar = JitGuest::kSystemBase + 0x4000, s.sfmask = kFlagIF;
    s.rflags |= kFlagIF;
    for (const unsigned n : {kDs, kEs, kFs, kGs}) s.segment[n] = {};
    s.segment[kFs].base = 0x7f1234567000, s.segment[kGs].base = 0x7f0000001000;
    s.kernel_gs_base = 0xffff888000012340, s.tsc_aux = 5;
    return s;
}

bool same_segments(const CpuState& a, const CpuState& b) {
    return std::memcmp(a.segment, b.segment, sizeof a.segment) == 0 && std::memcmp(&a.tr, &b.tr, sizeof a.tr) == 0 &&
           std::memcmp(&a.ldtr, &b.ldtr, sizeof a.ldtr) == 0;
}

}  // namespace

TEST_CASE("what ring 3 may not do, or not do alone, comes out in front of the instruction") {
    NEED_EMULATED_RING0();
    const std::pair<const char*, std::vector<u8>> programs[] = {
        {"ud2", {0x0f, 0x0b}}, {"int3", {0xcc}},        {"int 3", {0xcd, 3}},         {"int1", {0xf1}},
        {"int 80h", {0xcd, 0x80}}, {"hlt", {0xf4}},     {"in al, 80h", {0xe4, 0x80}}, {"cli", {0xfa}},
        {"syscall", {0x0f, 0x05}}, {"sysenter", {0x0f, 0x34}}, {"div edx", {0xf7, 0xf2}}, {"rdmsr", {0x0f, 0x32}},
        {"mov rax, [0]", {0x48, 0x8b, 4, 0x25, 0, 0, 0, 0}},
    };
    for (const auto& [name, instruction] : programs) {
        INFO(name);
        KvmGuest guest;
        std::vector<u8> code{0xff, 0xc3};  // inc ebx
        code.insert(code.end(), instruction.begin(), instruction.end());
        guest.load(code);
        CpuState s = guarded_state(guest);
        s.gpr[kRdx] = s.gpr[kRbx] = 0;
        REQUIRE(guest.run(s) == RunExit::kFatal);
        const CpuState& at = guest.vcpu().state();
        CHECK(at.rip == KvmGuest::kCode + 2);
        CHECK(at.gpr[kRbx] == 1);
        CHECK(at.dr[6] == s.dr[6]);
        CHECK(at.pending_db == 0);
        CHECK(same_segments(at, s));
        CHECK((at.kernel_gs_base == s.kernel_gs_base && at.tsc_aux == s.tsc_aux));
    }
}

TEST_CASE("a fetch that faults behind the byte of INT3 is no breakpoint") {
    NEED_EMULATED_RING0();
    KvmGuest guest;
    guest.jit.write(KvmGuest::kCode + kPageSize - 1, std::vector<u8>{0xcc});
    CpuState s = guarded_state(guest);
    s.rip = KvmGuest::kCode + kPageSize;
    REQUIRE(guest.run(s) == RunExit::kFatal);
    CHECK(guest.vcpu().failure() == "exception 14 in ring 3");
    CHECK(guest.vcpu().state().rip == KvmGuest::kCode + kPageSize);
}

TEST_CASE("a single step that a program begins itself is reported, one that was on before is for the other engine") {
    NEED_EMULATED_RING0();
    KvmGuest guest;
    guest.load({0x68, 0x46, 1, 0, 0, 0x9d, 0x90, 0x90});  // push 146h; popf; nop; nop
    CpuState s = guarded_state(guest);
    REQUIRE(guest.run(s) == RunExit::kFatal);
    const CpuState& at = guest.vcpu().state();
    CHECK(at.rip == KvmGuest::kCode + 7);
    CHECK((at.rflags & kFlagTF) != 0);
    CHECK(at.pending_db == bit(14));
    REQUIRE(guest.run(at) == RunExit::kFatal);
    CHECK(guest.vcpu().state().rip == KvmGuest::kCode + 7);
    s.dr[7] |= 1;
    REQUIRE(guest.run(s) == RunExit::kFatal);
    CHECK(guest.vcpu().state().rip == KvmGuest::kCode);
}

TEST_CASE("ring 3 changes FS and GS base, flags and vector state, and all of it comes out") {
    NEED_EMULATED_RING0();
    KvmGuest guest;
    // wrfsbase rbx; wrgsbase rcx; std; vpcmpeqb ymm3, ymm3, ymm3; ldmxcsr [rsp]; ud2
    guest.load({0xf3, 0x48, 0x0f, 0xae, 0xd3, 0xf3, 0x48, 0x0f, 0xae, 0xd9, 0xfd, 0xc5, 0xe5, 0x74, 0xdb, 0x0f, 0xae, 0x14,
                0x24, 0x0f, 0x0b});
    CpuState s = guarded_state(guest);
    s.cr4 |= kCr4FSGSBASE;
    s.gpr[kRbx] = 0x123456789000, s.gpr[kRcx] = 0x7fffdeadb000, s.gpr[kRsp] = KvmGuest::kStackTop - 16;
    guest.jit.write(s.gpr[kRsp], std::vector<u8>{0xc0, 0x9f, 0, 0});
    REQUIRE(guest.run(s) == RunExit::kFatal);
    CpuState at = guest.vcpu().state();
    CHECK(at.rip == KvmGuest::kCode + 19);
    CHECK((at.segment[kFs].base == 0x123456789000 && at.segment[kGs].base == 0x7fffdeadb000));
    CHECK((at.rflags & kFlagDF) != 0);
    u32 mxcsr;
    std::memcpy(&mxcsr, at.xsave + 24, 4);
    CHECK(mxcsr == 0x9fc0);
    CHECK(at.xsave[160 + 3 * 16 + 15] == 0xff);
    // MXCSR counts even where no register of SSE is in use.
    std::memset(at.xsave + 512, 0, 8);
    guest.vcpu().state() = at;
    REQUIRE(guest.vcpu().round_trip());
    std::memcpy(&mxcsr, guest.vcpu().state().xsave + 24, 4);
    CHECK(mxcsr == 0x9fc0);
    CHECK(guest.vcpu().state().xsave[160 + 3 * 16 + 15] == 0);
}

}  // namespace twin86::test
