// The window of the stack (accel/jit/emit_stack_delta.cpp): whatever moves RSP, the next access finds the right one.
#include "tests/insn/decoys.h"

namespace twin86::test {

using namespace asmjit;

namespace {

using Assembler = x86::Assembler;
constexpr u64 kStep = 0x80000, kSteps = kWindowStride / kStep;
static_assert(kWindowStride % kStep == 0);

/// RSP is where a decoy's region begins, which has been read through it.
void begin(Assembler& a, Decoys& decoys) {
    decoys.touch(a);
    a.mov(x86::rsp, Decoys::kFirst);
    a.mov(x86::rbx, x86::qword_ptr(x86::rsp));
}

/// What POP finds where `move` has put RSP: each form in a block of its own, behind one that relies on the old window.
u64 popped_behind(const std::function<void(Assembler&)>& move) {
    InsnTest t;
    Decoys decoys(t);
    t.store_value<u64>(kDataAt, Decoys::kTarget);
    t.guest.map_new(Decoys::kTarget - kPageSize, kPageSize, kUserPage | kWritablePage);
    t.set(kRbp, Decoys::kTarget - 8), t.set(kR8, Decoys::kTarget), t.set(kR9, kWindowStride), t.set(kR10, kDataAt);
    t.execute([&](auto& a) {
        begin(a, decoys);
        const Label next = a.newLabel();
        a.jmp(next);
        a.bind(next);
        move(a);
        a.pop(x86::rax);
        a.mov(x86::rsp, kStackTop);
    });
    return t.reg(kRax);
}

/// What POP finds behind kSteps rounds that each move RSP by kStep.
u64 popped_behind_rounds(const std::function<void(Assembler&, const Label& again)>& round) {
    InsnTest t;
    Decoys decoys(t);
    t.execute([&](auto& a) {
        begin(a, decoys);
        const Label again = a.newLabel();
        a.mov(x86::ecx, kSteps);
        a.lea(x86::rdx, x86::ptr(again));
        a.jmp(again);
        a.bind(again);
        round(a, again);
        a.pop(x86::rax);
        a.mov(x86::rsp, kStackTop);
    });
    return t.reg(kRax);
}

void step(Assembler& a) {
    a.lea(x86::rsp, x86::ptr(x86::rsp, kStep));
}

}  // namespace

TEST_CASE("RSP goes to another region at once", "[insn][stack]") {
    const std::pair<const char*, std::function<void(Assembler&)>> forms[] = {
        {"mov", [](auto& a) { a.mov(x86::rsp, x86::r8); }},
        {"mov m", [](auto& a) { a.mov(x86::rsp, x86::qword_ptr(x86::r10)); }},
        {"xchg", [](auto& a) { a.xchg(x86::rsp, x86::r8); }},
        {"lea", [](auto& a) { a.lea(x86::rsp, x86::ptr(x86::rsp, x86::r9)); }},
        {"add", [](auto& a) { a.add(x86::rsp, x86::r9); }},
        {"or", [](auto& a) { a.or_(x86::rsp, x86::r8), a.and_(x86::rsp, x86::r8); }},
        {"cmov", [](auto& a) { a.cmp(x86::r8, x86::r8), a.cmove(x86::rsp, x86::r8); }},
        {"push and pop", [](auto& a) { a.mov(x86::rsp, kStackTop), a.push(x86::r8), a.pop(x86::rsp); }},
        {"leave", [](auto& a) { a.mov(x86::rbx, x86::qword_ptr(x86::rbp)), a.leave(); }},
    };
    for (const auto& [name, move] : forms) {
        CAPTURE(name);
        CHECK(popped_behind(move) == Decoys::kRight);
    }
}

TEST_CASE("RSP goes to another region by constants, with no access on the way", "[insn][stack]") {
    const auto by_jcc = [](auto& a, const Label& again) { step(a), a.dec(x86::ecx), a.jnz(again); };
    const auto by_loop = [](auto& a, const Label& again) { step(a), a.loop(again); };
    const auto by_jump = [](auto& a, const Label& again) {
        const Label out = a.newLabel();
        a.dec(x86::ecx), a.js(out), step(a), a.jmp(again);
        a.bind(out);
    };
    const auto by_register = [](auto& a, const Label&) {
        const Label out = a.newLabel();
        a.dec(x86::ecx), a.js(out), step(a), a.jmp(x86::rdx);
        a.bind(out);
    };
    CHECK(popped_behind_rounds(by_jcc) == Decoys::kRight);
    CHECK(popped_behind_rounds(by_loop) == Decoys::kRight);
    CHECK(popped_behind_rounds(by_jump) == Decoys::kRight);
    CHECK(popped_behind_rounds(by_register) == Decoys::kRight);
}

TEST_CASE("RSP goes to another region through blocks that end without a branch", "[insn][stack]") {
    constexpr u64 kInRound = 4 * jit::kMaxBlockInsns;
    static_assert(kSteps % kInRound == 0);
    const u64 found = popped_behind_rounds([](auto& a, const Label&) {
        a.mov(x86::ecx, kSteps / kInRound);
        const Label round = a.newLabel();
        a.bind(round);
        for (u64 n = 0; n < kInRound; ++n) step(a);
        a.dec(x86::ecx), a.long_().jnz(round);
    });
    CHECK(found == Decoys::kRight);
}

TEST_CASE("Accesses near RSP that touch nothing do not show where it is", "[insn][stack]") {
    InsnTest t;
    if (!t.guest.model().has(Feature::kAvx512f)) return;
    const u64 found = popped_behind_rounds([](auto& a, const Label& again) {
        step(a);
        a.kxorw(x86::k1, x86::k1, x86::k1);
        a.k(x86::k1).z().vmovdqu64(x86::zmm1, x86::zmmword_ptr(x86::rsp));
        a.prefetcht0(x86::ptr(x86::rsp));
        a.dec(x86::ecx), a.jnz(again);
    });
    CHECK(found == Decoys::kRight);
}

TEST_CASE("STAC and CLAC choose what the supervisor's stack may be", "[insn][stack]") {
    const auto run = [](const std::function<void(Assembler&)>& program) {
        InsnTest t;
        t.load(program);
        t.guest.start(kCodeAt, kStackTop, false);
        // The code is a user page: no SMEP.
        t.guest.state().cr4 = (t.guest.state().cr4 | kCr4SMAP) & ~u64{kCr4SMEP};
        t.guest.state().rflags &= ~u64{kFlagAC};
        t.guest.vcpu().state_changed();
        return t.guest.run();
    };
    const GuestStop shown = run([](auto& a) { a.stac(), a.push(x86::rax), a.pop(x86::rbx), a.push(x86::rax); });
    CHECK(shown.vector == kVectorBP);
    const GuestStop hidden =
        run([](auto& a) { a.stac(), a.push(x86::rax), a.pop(x86::rbx), a.clac(), a.push(x86::rax); });
    CHECK(hidden.vector == kVectorPF);
    CHECK(hidden.cr2 == kStackTop - 8);
    CHECK(hidden.error_code == (kPfPresent | kPfWrite));
}

TEST_CASE("SYSCALL keeps RSP, but not what the user's stack accesses may show", "[insn][stack]") {
    InsnTest t;
    constexpr Gva kUserAt = kCodeAt + kPageSize, kKernelAt = JitGuest::kSystemBase + (u64{1} << 32),
                  kKernelStack = kKernelAt + 2 * kPageSize;
    t.guest.map_new(kKernelAt, kPageSize, kGlobalPage);
    t.load([&](auto& a) {
        a.push(JitGuest::kUserData), a.push(0);
        a.mov(x86::rax, kStackTop), a.mov(x86::qword_ptr(x86::rsp), x86::rax);
        a.push(2), a.push(JitGuest::kUserCode);
        a.mov(x86::rax, kUserAt), a.push(x86::rax);
        a.iretq();
    });
    // The last of eight rounds, all of the same code, brings the user's stack instead of the kernel's.
    t.load(
        [&](auto& a) {
            const Label again = a.newLabel();
            a.push(x86::rax), a.pop(x86::rbx);
            a.mov(x86::r13d, 8);
            a.bind(again);
            a.mov(x86::rax, kKernelStack), a.mov(x86::rdx, kStackTop);
            a.cmp(x86::r13d, 1), a.cmove(x86::rax, x86::rdx);
            a.mov(x86::rsp, x86::rax);
            a.dec(x86::r13d);
            a.syscall();
            a.test(x86::r13d, x86::r13d);
            a.jnz(again);
        },
        kUserAt);
    // What touches the stack has run before, entered by the run loop; in the last round emitted code comes there.
    t.load(
        [](auto& a) {
            const Label touch = a.newLabel();
            a.test(x86::r13d, 3);
            a.jz(touch);
            a.sysretq();
            a.bind(touch);
            a.push(x86::rax), a.pop(x86::rax);
            a.sysretq();
        },
        kKernelAt);
    t.guest.map_new(kKernelAt + kPageSize, kPageSize, kWritablePage | kGlobalPage);
    t.guest.start(kCodeAt, kKernelStack, false);
    CpuState& s = t.guest.state();
    s.cr4 = (s.cr4 | kCr4SMAP) & ~u64{kCr4SMEP};
    s.efer |= kEferSCE;
    s.star = u64{JitGuest::kKernelCode} << 32 | u64{0x18} << 48;
    s.lstar = kKernelAt;
    t.guest.vcpu().state_changed();
    const GuestStop stop = t.guest.run();
    CHECK(stop.vector == kVectorPF);
    CHECK((stop.rip & kPageMask) == kKernelAt);
    CHECK(t.reg(kR13) == 0);
    CHECK(stop.cr2 == kStackTop - 8);
    CHECK(stop.error_code == (kPfPresent | kPfWrite));
}

}  // namespace twin86::test
