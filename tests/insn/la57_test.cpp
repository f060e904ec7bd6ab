// 5-level paging: SDM vol. 3, 4.5.4; canonical addresses of 57 bits, vol. 1, 3.3.7.1.
#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

namespace {

constexpr Gva kFar = Gva{1} << 48;  ///< the same memory again under the second entry of the PML5

/// The guest's PML4 under entries 0, 1 and 511 of a PML5.
class WideTest : public InsnTest {
  public:
    WideTest() : InsnTest(GuestOptions{.cpu = "max,+la57"}), pml5_(guest.allocate(1)) {
        for (const unsigned entry : {0u, 1u, 511u}) {
            const u64 value = guest.initial().cr3 | 7;
            std::memcpy(guest.phys().ram().base() + pml5_ + entry * 8, &value, sizeof value);
        }
    }
    GuestStop go(u64 rip, bool user, u64 rax) {
        prepare(rip, user, rax);
        return resume();
    }
    CpuState& prepare(u64 rip, bool user, u64 rax) {
        guest.start(rip, kStackTop, user);
        CpuState& s = guest.state();
        s.cr3 = pml5_;
        s.cr4 |= kCr4LA57;
        s.efer |= kEferSCE;
        s.star = u64{JitGuest::kKernelCode} << 32;
        s.gpr[kRax] = rax;
        guest.vcpu().state_changed();
        return s;
    }
    GuestStop resume() { return last = guest.run(); }

  private:
    Gpa pml5_;
};

}  // namespace

TEST_CASE("Data at addresses of 57 bits", "[insn][la57]") {
    WideTest t;
    t.load([](auto& a) {
        a.mov(x86::qword_ptr(x86::rax), 0x1234);
        a.lock().inc(x86::qword_ptr(x86::rax));
        a.mov(x86::rcx, x86::qword_ptr(x86::rax));
    });
    for (const bool user : {false, true}) {
        CHECK(t.go(kCodeAt, user, kFar + kDataAt).vector == kVectorBP);
        CHECK(t.reg(kRcx) == 0x1235);
        CHECK(t.load_value(kDataAt) == 0x1235);
        CHECK(t.go(kCodeAt, user, 3 * kFar + kDataAt).vector == kVectorPF);
        CHECK(t.last.cr2 == 3 * kFar + kDataAt);
        CHECK(t.go(kCodeAt, user, u64{1} << 56).vector == kVectorGP);
    }
}

TEST_CASE("Code at addresses of 57 bits, and branches between addresses that have their low 48 bits in common", "[insn][la57]") {
    constexpr u64 kTarget = kCodeAt + 0x100;
    WideTest t;
    t.load([](auto& a) { a.jmp(x86::rax); });
    t.load([](auto& a) { a.lea(x86::rbx, x86::ptr(x86::rip)); }, kTarget);
    for (unsigned round = 0; round < 3; ++round)
        for (const bool user : {false, true})
            for (const u64 from : {u64{0}, kFar})
                for (const u64 to : {u64{0}, kFar}) {
                    CHECK(t.go(from + kCodeAt, user, to + kTarget).vector == kVectorBP);
                    CHECK(t.last.rip == to + kTarget + 8);
                    CHECK(t.reg(kRbx) == to + kTarget + 7);
                }
    CHECK(t.go(kCodeAt, true, (u64{1} << 56) + kTarget).vector == kVectorGP);
}

TEST_CASE("IRETQ to another ring's branch target, 2^48 times so many farther on, is a fault there", "[insn][la57]") {
    constexpr u64 kTarget = kCodeAt + 0x100, kEntry = kCodeAt + 0x200, kUserAt = kCodeAt + kPageSize;
    const auto push_image = [](auto& a) {
        a.push(JitGuest::kUserData), a.push(x86::rbp), a.push(2), a.push(JitGuest::kUserCode), a.push(x86::rax);
        a.iretq();
    };
    WideTest t;
    t.load([&](auto& a) { a.mov(x86::rbp, x86::rsp), a.mov(x86::r12, x86::rax), a.mov(x86::eax, kUserAt), push_image(a); });
    t.load([](auto& a) { a.syscall(); }, kUserAt);
    t.load([&](auto& a) { a.mov(x86::r14d, 3), a.mov(x86::ebx, kTarget), a.jmp(x86::rbx); }, kEntry);
    t.load([&](auto& a) {
        const asmjit::Label last = a.newLabel();
        a.cli(), a.dec(x86::r14d), a.jz(last), a.jmp(x86::rbx);
        a.bind(last);
        a.mov(x86::rsp, x86::rbp), a.mov(x86::rax, x86::r12), push_image(a);
    }, kTarget);
    for (i64 distance = -60; distance <= 60; ++distance) {
        const bool mapped = distance >= -1 && distance <= 1;  // then CLI faults
        const u64 to = kTarget + static_cast<u64>(distance) * kFar;
        t.prepare(kCodeAt, false, to).lstar = kEntry;
        CHECK(t.resume().vector == (mapped ? kVectorGP : kVectorPF));
        CHECK(t.last.rip == to);
    }
}

TEST_CASE("LA57 is offered on request only", "[insn][la57]") {
    InsnTest t;
    CHECK_FALSE(t.guest.model().has(Feature::kLa57));
    WideTest wide;
    CHECK(wide.guest.model().has(Feature::kLa57));
    CHECK((wide.guest.model().cr4_allowed() & kCr4LA57) != 0);
}

}  // namespace twin86::test
