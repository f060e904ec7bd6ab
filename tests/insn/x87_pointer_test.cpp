// The x87 instruction pointer that programs see is of the guest: SDM vol. 1, 8.1.8.
#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

namespace {

/// A division by zero that stays pending: every processor keeps the pointers of it. Its offset comes back in `at`.
void divide_by_zero(x86::Assembler& a, u64& at) {
    a.mov(x86::dword_ptr(x86::rbx, 0x800), 0x033b);  // ZM is 0
    a.fldcw(x86::word_ptr(x86::rbx, 0x800));
    a.fld1();
    a.fldz();
    at = a.offset();
    a.fdivp();
}

}  // namespace

TEST_CASE("FNSTENV, FNSAVE, FXSAVE and XSAVE show the guest's address of the last x87 instruction", "[insn][x87]") {
    InsnTest t;
    u64 at = 0;
    t.set(kRbx, kDataAt);
    t.execute([&](auto& a) {
        divide_by_zero(a, at);
        a.fnstenv(x86::ptr(x86::rbx));
        a.fxsave64(x86::ptr(x86::rbx, 0x200));
        a.mov(x86::eax, 1), a.xor_(x86::edx, x86::edx);
        a.xsave64(x86::ptr(x86::rbx, 0x1000));
        a.fnsave(x86::ptr(x86::rbx, 0x400));
        a.fnclex();
    });
    CHECK(t.load_value<u32>(kDataAt + 12) == kCodeAt + at);
    CHECK(t.load_value<u32>(kDataAt + 20) == 0);
    CHECK(t.load_value<u64>(kDataAt + 0x208) == kCodeAt + at);
    CHECK(t.load_value<u64>(kDataAt + 0x210) == 0);
    CHECK(t.load_value<u64>(kDataAt + 0x1008) == kCodeAt + at);
    CHECK(t.load_value<u32>(kDataAt + 0x40c) == kCodeAt + at);
}

TEST_CASE("The operand and the opcode of the last x87 instruction are the guest's", "[insn][x87]") {
    for (const x86::Gp& base : {x86::rsi, x86::r10, x86::rbp, x86::rsp}) {
        InsnTest t;
        t.set(kRbx, kDataAt);
        t.store_value<double>(kDataAt + 0x908, 0.0);
        t.execute([&](auto& a) {
            a.mov(x86::dword_ptr(x86::rbx, 0x800), 0x033b);  // ZM is 0
            a.fldcw(x86::word_ptr(x86::rbx, 0x800));
            a.fld1();
            a.mov(x86::rdx, x86::rsp);
            a.lea(base, x86::ptr(x86::rbx, 0x900));
            a.fdiv(x86::qword_ptr(base, 8));
            a.fxsave64(x86::ptr(x86::rbx));
            a.fnclex();
            a.mov(base, kDataAt + 0x10);
            a.fld1();
            a.fnstenv(x86::ptr(x86::rbx, 0x400));
            a.mov(x86::rsp, x86::rdx);
        });
        CHECK(t.load_value<u64>(kDataAt + 0x10) == kDataAt + 0x908);
        const unsigned modrm = t.load_value<u8>(t.load_value<u64>(kDataAt + 8) + (base.id() >= 8 ? 2 : 1));
        CHECK(t.load_value<u16>(kDataAt + 6) == (0x400 | modrm));
        CHECK(t.load_value<u32>(kDataAt + 0x414) == 0);  // FLD1 has none
    }
}

TEST_CASE("x87 pointers that a program loads come back as they are", "[insn][x87]") {
    InsnTest t;
    u64 at = 0;
    t.set(kRbx, kDataAt);
    t.execute([&](auto& a) {
        divide_by_zero(a, at);
        a.fnstenv(x86::ptr(x86::rbx));
        a.mov(x86::dword_ptr(x86::rbx, 12), 0x1234);
        a.mov(x86::dword_ptr(x86::rbx, 20), 0x5678);
        a.fldenv(x86::ptr(x86::rbx));
        a.fnstenv(x86::ptr(x86::rbx, 0x100));
        a.fnclex();
    });
    CHECK(t.load_value<u32>(kDataAt + 0x10c) == 0x1234);
    CHECK(t.load_value<u32>(kDataAt + 0x114) == 0x5678);
}

}  // namespace twin86::test
