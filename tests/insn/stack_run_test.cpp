// Runs of PUSH or POP, CALL and RET (accel/jit/emit_stack_run.cpp): each instruction happens by itself, wherever a page ends.
#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

namespace {

using Assembler = x86::Assembler;
constexpr Gva kBorder = 0x30'1000;  ///< nothing is mapped on either side before a test does
constexpr u64 kSlots = 6;

/// r10 lies in memory, rbp elsewhere, an immediate in the code.
void push_six(Assembler& a) {
    a.push(x86::rax), a.push(x86::rbp), a.push(x86::r10), a.push(-7), a.push(x86::r15), a.push(x86::rdi);
}
void set_six(InsnTest& t) {
    t.set(kRax, 1), t.set(kRbp, 2), t.set(kR10, 3), t.set(kR15, 5), t.set(kRdi, 6);
}
u64 pushed(u64 n) { return n == 3 ? ~u64{6} : n + 1; }

void pop_six(Assembler& a) {
    a.pop(x86::rcx), a.pop(x86::r11), a.pop(x86::rbp), a.pop(x86::r9), a.pop(x86::rcx), a.pop(x86::r15);
}

}  // namespace

TEST_CASE("Pushes and pops over a page border, at each place", "[insn][stack]") {
    for (u64 below = 0; below <= 8 * kSlots; below += 4) {
        CAPTURE(below);
        InsnTest t;
        t.guest.map_new(kBorder - kPageSize, 2 * kPageSize, kUserPage | kWritablePage);
        set_six(t);
        t.set(kRsp, kBorder + 8 * kSlots - below);
        t.execute([](auto& a) {
            push_six(a);
            a.mov(x86::rdx, x86::rsp);
            pop_six(a);
        });
        CHECK(t.reg(kRsp) == kBorder + 8 * kSlots - below);
        CHECK(t.reg(kRdx) == kBorder - below);
        for (u64 n = 0; n < kSlots; ++n) CHECK(t.load_value(kBorder - below + 8 * (kSlots - 1 - n)) == pushed(n));
        CHECK(t.reg(kR11) == 5);
        CHECK(t.reg(kRbp) == pushed(3));
        CHECK(t.reg(kR9) == 3);
        CHECK(t.reg(kRcx) == 2);
        CHECK(t.reg(kR15) == 1);
    }
}

TEST_CASE("A page fault in the middle of pushes: what comes before it has happened", "[insn][stack]") {
    constexpr u64 offsets[] = {0, 1, 2, 4, 6, 8};
    for (u64 done = 0; done < kSlots; ++done) {
        CAPTURE(done);
        InsnTest t;
        t.guest.map_new(kBorder, kPageSize, kUserPage | kWritablePage);
        t.load([](auto& a) { push_six(a); });
        set_six(t);
        t.set(kRsp, kBorder + 8 * done);
        for (unsigned again = 0; again < 5; ++again) {  // the place learns
            CHECK(t.run().vector == kVectorPF);
            CHECK(t.last.cr2 == kBorder - 8);
            CHECK(t.reg(kRsp) == kBorder);
            CHECK(t.last.rip == kCodeAt + offsets[done]);
            for (u64 n = 0; n < done; ++n) CHECK(t.load_value(kBorder + 8 * (done - 1 - n)) == pushed(n));
        }
    }
}

TEST_CASE("A page fault in the middle of pops and RET", "[insn][stack]") {
    for (u64 done = 0; done < kSlots; ++done) {
        CAPTURE(done);
        InsnTest t;
        t.guest.map_new(kBorder - kPageSize, kPageSize, kUserPage | kWritablePage);
        for (u64 n = 0; n < done; ++n) t.store_value(kBorder - 8 * (done - n), 100 + n);
        t.load([](auto& a) { a.pop(x86::rax), a.pop(x86::rbp), a.pop(x86::r10), a.pop(x86::rdi), a.pop(x86::r15), a.ret(); });
        const Gpr popped[] = {kRax, kRbp, kR10, kRdi, kR15};
        for (const Gpr r : popped) t.set(r, 7);
        t.set(kRsp, kBorder - 8 * done);
        for (unsigned again = 0; again < 5; ++again) {
            CHECK(t.run().vector == kVectorPF);
            CHECK(t.last.cr2 == kBorder);
            CHECK(t.reg(kRsp) == kBorder);
            for (u64 n = 0; n < 5; ++n) CHECK(t.reg(popped[n]) == (n < done ? 100 + n : 7));
        }
    }
}

TEST_CASE("Pushes in front of a CALL over a page border, RET with pops in front", "[insn][stack]") {
    for (u64 below = 0; below <= 40; below += 8) {
        CAPTURE(below);
        InsnTest t;
        t.guest.map_new(kBorder - kPageSize, 2 * kPageSize, kUserPage | kWritablePage);
        set_six(t);
        t.set(kRsp, kBorder + below);
        t.execute([](auto& a) {
            const Label function = a.newLabel(), out = a.newLabel(), again = a.newLabel();
            a.mov(x86::ecx, 20);
            a.bind(again);
            a.push(x86::rax), a.push(x86::r10), a.call(function);
            a.lea(x86::rsi, x86::ptr(x86::rsi, x86::rbx));
            a.dec(x86::ecx);
            a.jnz(again);
            a.jmp(out);
            a.bind(function);
            a.push(x86::rdi), a.push(x86::r15), a.push(x86::rbp);
            a.mov(x86::rbx, x86::qword_ptr(x86::rsp, 24));  // where CALL returns to
            a.lea(x86::rdx, x86::ptr(function));
            a.cmp(x86::rbx, x86::rdx);
            a.setb(x86::bl), a.movzx(x86::ebx, x86::bl);
            a.pop(x86::rbp), a.pop(x86::r15), a.pop(x86::rdi), a.ret(16);
            a.bind(out);
        });
        CHECK(t.reg(kRsp) == kBorder + below);
        CHECK(t.reg(kRsi) == 20);
        CHECK(t.reg(kRdi) == 6);
        CHECK(t.reg(kR15) == 5);
        CHECK(t.reg(kRbp) == 2);
    }
}

TEST_CASE("Pushes over the instructions behind them", "[insn][smc]") {
    InsnTest t;
    t.guest.map(kCodeAt, t.guest.physical(kCodeAt), kCodeSize, kUserPage | kWritablePage);
    t.set(kRdx, 0x9090'9090'9090'9090), t.set(kRbx, 0x9090'9090'9090'c6ff);  // inc esi, nops
    t.load([](auto& a) {
        const Label patched = a.newLabel();
        a.lea(x86::rsp, x86::ptr(patched, 24));
        a.push(x86::rdx), a.push(x86::rdx), a.push(x86::rbx);
        a.bind(patched);
        for (unsigned n = 0; n < 24; ++n) a.int3();
    });
    t.run();
    CHECK(t.last.vector == kVectorBP);
    CHECK(t.reg(kRsi) == 1);
    CHECK(t.last.rip >= kCodeAt + 24);
}

}  // namespace twin86::test
