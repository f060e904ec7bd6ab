// PUSH, POP, ENTER, LEAVE, CALL and RET in the forms where the stack pointer is operand and side effect at once.
#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

TEST_CASE("PUSH RSP pushes the value before the push", "[insn][stack]") {
    InsnTest t;
    t.execute([](auto& a) { a.push(x86::rsp); });
    CHECK(t.load_value(kStackTop - 8) == kStackTop);
    CHECK(t.reg(kRsp) == kStackTop - 8);
}

TEST_CASE("POP RSP loads, and does not add", "[insn][stack]") {
    InsnTest t;
    t.execute([](auto& a) {
        a.push(kDataAt + 0x100);
        a.pop(x86::rsp);
    });
    CHECK(t.reg(kRsp) == kDataAt + 0x100);
}

TEST_CASE("POP SP replaces the low half of the incremented pointer", "[insn][stack]") {
    InsnTest t;
    t.execute([](auto& a) {
        a.mov(x86::eax, 0x1234);
        a.push(x86::rax);
        a.db(0x66), a.pop(x86::rsp);
    });
    CHECK(t.reg(kRsp) == ((kStackTop - 6) & ~u64{0xffff}) + 0x1234);
}

TEST_CASE("POP m with RSP as base: the address uses the incremented pointer", "[insn][stack]") {
    InsnTest t;
    t.execute([](auto& a) {
        a.mov(x86::eax, 0x5555);
        a.push(x86::rax);
        a.pop(x86::qword_ptr(x86::rsp, -64));
    });
    CHECK(t.load_value(kStackTop - 64) == 0x5555);
    CHECK(t.reg(kRsp) == kStackTop);
}

TEST_CASE("PUSH m with RSP as base: the address uses the old pointer", "[insn][stack]") {
    InsnTest t;
    t.store_value(kStackTop - 8, 0x77);
    t.execute([](auto& a) {
        a.sub(x86::rsp, 8);
        a.push(x86::qword_ptr(x86::rsp));
    });
    CHECK(t.load_value(kStackTop - 16) == 0x77);
}

TEST_CASE("16-bit and sign-extended pushes", "[insn][stack]") {
    InsnTest t;
    t.set(kR11, 0x1111222233334444);
    t.execute([](auto& a) {
        a.push(-2);
        a.db(0x66), a.push(x86::r11);
    });
    CHECK(t.reg(kRsp) == kStackTop - 10);
    CHECK(t.load_value(kStackTop - 8) == ~u64{1});
    CHECK(t.load_value<u16>(kStackTop - 10) == 0x4444);
}

TEST_CASE("XCHG with RSP, and arithmetic on it", "[insn][stack]") {
    InsnTest t;
    t.set(kRbx, kDataAt + 0x800);
    t.set(kR15, 16);
    t.execute([](auto& a) {
        a.xchg(x86::rbx, x86::rsp);
        a.push(x86::rbx);
        a.sub(x86::rsp, x86::r15);
        a.lea(x86::rsi, x86::ptr(x86::rsp, 4));
        a.mov(x86::edi, x86::esp);
    });
    CHECK(t.reg(kRbx) == kStackTop);
    CHECK(t.load_value(kDataAt + 0x7f8) == kStackTop);
    CHECK(t.reg(kRsp) == kDataAt + 0x7e8);
    CHECK(t.reg(kRsi) == kDataAt + 0x7ec);
    CHECK(t.reg(kRdi) == kDataAt + 0x7e8);
}

TEST_CASE("LEAVE", "[insn][stack]") {
    InsnTest t;
    t.store_value(kDataAt + 0x40, 0x1234567890);
    t.set(kRbp, kDataAt + 0x40);
    t.execute([](auto& a) { a.leave(); });
    CHECK(t.reg(kRsp) == kDataAt + 0x48);
    CHECK(t.reg(kRbp) == 0x1234567890);
}

TEST_CASE("LEAVE that faults changes neither RSP nor RBP", "[insn][stack]") {
    InsnTest t;
    t.load([](auto& a) { a.leave(); });
    t.set(kRbp, 0x10'0000);
    CHECK(t.run().vector == kVectorPF);
    CHECK(t.last.cr2 == 0x10'0000);
    CHECK(t.reg(kRsp) == kStackTop);
    CHECK(t.reg(kRbp) == 0x10'0000);
}

TEST_CASE("ENTER builds frames of level 0 and 3", "[insn][stack]") {
    InsnTest t;
    t.set(kRbp, kDataAt + 0x100);
    t.store_value(kDataAt + 0xf8, 0xaaaa);
    t.store_value(kDataAt + 0xf0, 0xbbbb);
    t.execute([](auto& a) { a.enter(0x20, 0); });
    CHECK(t.reg(kRbp) == kStackTop - 8);
    CHECK(t.reg(kRsp) == kStackTop - 8 - 0x20);
    CHECK(t.load_value(kStackTop - 8) == kDataAt + 0x100);
    t.execute([](auto& a) { a.enter(0x10, 3); });
    CHECK(t.reg(kRbp) == kStackTop - 8);
    CHECK(t.load_value(kStackTop - 16) == 0xaaaa);
    CHECK(t.load_value(kStackTop - 24) == 0xbbbb);
    CHECK(t.load_value(kStackTop - 32) == kStackTop - 8);
    CHECK(t.reg(kRsp) == kStackTop - 32 - 0x10);
}

TEST_CASE("PUSH and POP that fault leave RSP alone", "[insn][stack]") {
    InsnTest t;
    t.load([](auto& a) { a.push(x86::rax); });
    t.set(kRsp, 0x30'0008);
    CHECK(t.run().vector == kVectorPF);
    CHECK(t.last.cr2 == 0x30'0000);
    CHECK(t.last.error_code == (kPfUser | kPfWrite));
    CHECK(t.reg(kRsp) == 0x30'0008);
    t.load([](auto& a) { a.pop(x86::qword_ptr(x86::rbx)); });
    t.set(kRsp, kStackTop - 8);
    t.set(kRbx, kCodeAt);
    CHECK(t.run().vector == kVectorPF);
    CHECK(t.last.error_code == (kPfUser | kPfWrite | kPfPresent));
    CHECK(t.reg(kRsp) == kStackTop - 8);
}

TEST_CASE("A non-canonical stack pointer is #SS", "[insn][stack]") {
    InsnTest t;
    t.load([](auto& a) { a.push(x86::rax); });
    t.set(kRsp, 0x8000'0000'0000'0000);
    CHECK(t.run().vector == kVectorSS);
}

TEST_CASE("Calls hundreds deep, and RET imm16", "[insn][stack]") {
    InsnTest t;
    t.execute([](auto& a) {
        Label f = a.newLabel(), base = a.newLabel(), out = a.newLabel();
        a.mov(x86::ecx, 600);
        a.push(x86::rcx);
        a.push(x86::rcx);
        a.call(f);
        a.jmp(out);
        a.bind(f);
        a.inc(x86::rax);
        a.dec(x86::ecx);
        a.jz(base);
        a.push(x86::rcx);
        a.push(x86::rcx);
        a.call(f);
        a.bind(base);
        a.ret(16);
        a.bind(out);
    });
    CHECK(t.reg(kRax) == 600);
    CHECK(t.reg(kRsp) == kStackTop);
}

TEST_CASE("Indirect calls and jumps through registers and memory, RSP as base", "[insn][stack]") {
    InsnTest t;
    t.execute([](auto& a) {
        Label f = a.newLabel(), g = a.newLabel(), out = a.newLabel();
        a.lea(x86::r10, x86::ptr(f));
        a.push(x86::r10);
        a.call(x86::qword_ptr(x86::rsp));  // the operand is read before the push
        a.call(x86::r10);
        a.lea(x86::r15, x86::ptr(g));
        a.mov(x86::qword_ptr(x86::rsp), x86::r15);
        a.jmp(x86::qword_ptr(x86::rsp));
        a.bind(f);
        a.inc(x86::rax);
        a.ret();
        a.bind(g);
        a.add(x86::rax, 0x100);
        a.bind(out);
    });
    CHECK(t.reg(kRax) == 0x102);
    CHECK(t.reg(kRsp) == kStackTop - 8);
}

}  // namespace twin86::test
