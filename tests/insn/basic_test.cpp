// The first things that translated code must do: moves, arithmetic, memory, loops, calls.
#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

TEST_CASE("registers: every one is read and written", "[insn]") {
    InsnTest t;
    t.execute([](InsnTest::Assembler& a) {
        for (unsigned r = 0; r < 16; ++r)
            if (r != kRsp) a.mov(x86::gpq(r), 0x1111111111111111ull * r);
        for (unsigned r = 0; r < 16; ++r)
            if (r != kRsp) a.add(x86::gpq(r), r + 1);
    });
    for (unsigned r = 0; r < 16; ++r)
        if (r != kRsp) CHECK(t.reg(static_cast<Gpr>(r)) == 0x1111111111111111ull * r + r + 1);
    CHECK(t.reg(kRsp) == kStackTop);
}

TEST_CASE("memory: loads and stores of all widths", "[insn]") {
    InsnTest t;
    t.store_value(kDataAt, 0x1122334455667788ull);
    t.execute([](InsnTest::Assembler& a) {
        a.mov(x86::r10, kDataAt);
        a.mov(x86::rax, x86::qword_ptr(x86::r10));
        a.mov(x86::ebx, x86::dword_ptr(x86::r10));
        a.movzx(x86::ecx, x86::word_ptr(x86::r10));
        a.movsx(x86::r11, x86::byte_ptr(x86::r10));
        a.mov(x86::qword_ptr(x86::r10, 8), x86::rax);
        a.add(x86::dword_ptr(x86::r10, 8), 1);
        a.mov(x86::edi, kDataAt);
        a.mov(x86::byte_ptr(x86::rdi, 16), x86::ah);
    });
    CHECK(t.reg(kRax) == 0x1122334455667788);
    CHECK(t.reg(kRbx) == 0x55667788);
    CHECK(t.reg(kRcx) == 0x7788);
    CHECK(t.reg(kR11) == 0xffffffffffffff88);
    CHECK(t.load_value(kDataAt + 8) == 0x1122334455667789);
    CHECK(t.load_value<u8>(kDataAt + 16) == 0x77);
}

TEST_CASE("loops and calls", "[insn]") {
    InsnTest t;
    t.execute([](InsnTest::Assembler& a) {
        Label loop = a.newLabel(), function = a.newLabel(), out = a.newLabel();
        a.mov(x86::ecx, 1000);
        a.xor_(x86::eax, x86::eax);
        a.bind(loop);
        a.call(function);
        a.dec(x86::ecx);
        a.jnz(loop);
        a.jmp(out);
        a.bind(function);
        a.push(x86::rcx);
        a.add(x86::rax, x86::rcx);
        a.pop(x86::r15);
        a.ret();
        a.bind(out);
    });
    CHECK(t.reg(kRax) == 500500);
    CHECK(t.reg(kRcx) == 0);
    CHECK(t.reg(kR15) == 1);
    CHECK(t.reg(kRsp) == kStackTop);
}

TEST_CASE("faults: vector, error code, CR2 and RIP", "[insn]") {
    InsnTest t;
    t.load([](InsnTest::Assembler& a) { a.mov(x86::rax, x86::qword_ptr(x86::rbx)); });
    t.set(kRbx, 0x123456789000);
    CHECK(t.run().vector == kVectorPF);
    CHECK(t.last.error_code == kPfUser);
    CHECK(t.last.cr2 == 0x123456789000);
    CHECK(t.last.rip == kCodeAt);
    t.set(kRbx, 0x8000'0000'0000'0000);
    CHECK(t.run().vector == kVectorGP);
    t.load([](InsnTest::Assembler& a) {
        a.nop();
        a.xor_(x86::ecx, x86::ecx);
        a.div(x86::ecx);
    });
    CHECK(t.run().vector == kVectorDE);
    CHECK(t.last.rip == kCodeAt + 3);
    t.load([](InsnTest::Assembler& a) { a.mov(x86::byte_ptr(kCodeAt), x86::al); });
    CHECK(t.run().vector == kVectorPF);
    CHECK(t.last.error_code == (kPfUser | kPfWrite | kPfPresent));
}

TEST_CASE("string instructions over pages", "[insn]") {
    InsnTest t;
    t.execute([](InsnTest::Assembler& a) {
        a.mov(x86::edi, kDataAt);
        a.mov(x86::eax, 0x5a);
        a.mov(x86::ecx, 2 * kPageSize);
        a.rep().stosb();
        a.mov(x86::esi, kDataAt + 1);
        a.mov(x86::edi, kDataAt + 2 * kPageSize + 3);
        a.mov(x86::ecx, kPageSize);
        a.rep().movsb();
        a.mov(x86::edi, kDataAt);
        a.mov(x86::ecx, 4 * kPageSize);
        a.repe().scasb();
    });
    CHECK(t.load_value<u8>(kDataAt + 2 * kPageSize + 3 + kPageSize - 1) == 0x5a);
    CHECK(t.load_value<u8>(kDataAt + 2 * kPageSize + 3 + kPageSize) == 0);
    CHECK(t.reg(kRdi) == kDataAt + 2 * kPageSize + 1);
}

}  // namespace twin86::test
