// Which exception CR0.EM and CR0.TS raise, SDM vol. 3, table 2-2 and 9.1; vol. 2, exceptions of each instruction.
#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

TEST_CASE("CR0.EM and CR0.TS", "[insn][x87]") {
    struct Case {
        const char* what;
        std::vector<u8> bytes;
        int em, ts;
    };
    const Case cases[] = {{"fld1", {0xd9, 0xe8}, kVectorNM, kVectorNM},       {"fninit", {0xdb, 0xe3}, kVectorNM, kVectorNM},
                          {"paddb mm", {0x0f, 0xfc, 0xc1}, kVectorUD, kVectorNM}, {"emms", {0x0f, 0x77}, kVectorUD, kVectorNM},
                          {"addps", {0x0f, 0x58, 0xc1}, kVectorUD, kVectorNM},   {"fwait", {0x9b}, kVectorBP, kVectorNM},
                          {"crc32", {0xf2, 0x0f, 0x38, 0xf1, 0xc1}, kVectorBP, kVectorBP}};
    for (const Case& c : cases)
        for (const u64 bit : {u64{0}, u64{kCr0EM}, u64{kCr0TS}}) {
            INFO(c.what << " CR0 bit " << std::hex << bit);
            InsnTest t;
            std::vector<u8> code = c.bytes;
            code.push_back(0xcc);
            t.load_bytes(code);
            t.guest.start(kCodeAt, kStackTop);
            t.guest.state().cr0 |= bit;
            CHECK(t.guest.run().vector == (bit == kCr0EM ? c.em : bit == kCr0TS ? c.ts : kVectorBP));
        }
}

/// ST(0) to ST(7) as doubles, from the slots of an FXSAVE area.
std::vector<double> registers_of(const InsnTest& t, Gva area) {
    std::vector<double> values;
    for (unsigned st = 0; st < 8; ++st) {
        long double value = 0;
        t.guest.read(area + 32 + st * 16, {reinterpret_cast<u8*>(&value), 10});
        values.push_back(static_cast<double>(value));
    }
    return values;
}

TEST_CASE("FLDENV moves TOP, not the registers: SDM vol. 1, 8.1.2", "[insn][x87]") {
    InsnTest t;
    t.set(kRbx, kDataAt);
    t.execute([](auto& a) {
        a.fninit(), a.fldpi(), a.fld1();  // ST(0) is 1 in R6, ST(1) pi in R7
        a.fnstenv(x86::ptr(x86::rbx));
        a.mov(x86::word_ptr(x86::rbx, 4), 7 << 11);
        a.fldenv(x86::ptr(x86::rbx));
        a.fxsave(x86::ptr(x86::rbx, 0x200));
    });
    const std::vector<double> st = registers_of(t, kDataAt + 0x200);
    CHECK(st[0] == Approx(3.14159265358979));
    CHECK(st[7] == 1);
}

TEST_CASE("FNSAVE leaves the contents of the registers, which FLDENV may show again", "[insn][x87]") {
    InsnTest t;
    t.set(kRbx, kDataAt);
    t.execute([](auto& a) {
        a.fninit(), a.fldpi(), a.fld1();
        a.fnsave(x86::ptr(x86::rbx));
        a.fldenv(x86::ptr(x86::rbx));
        a.fxsave(x86::ptr(x86::rbx, 0x200));
    });
    const std::vector<double> st = registers_of(t, kDataAt + 0x200);
    CHECK(st[0] == 1);
    CHECK(st[1] == Approx(3.14159265358979));
}

TEST_CASE("FXRSTOR fixes reserved bits of FCW and computes ES and B of FSW: SDM vol. 1, 8.1.3 and 8.1.5", "[insn][x87]") {
    InsnTest t;
    t.set(kRbx, kDataAt);
    t.execute([](auto& a) {
        a.fxsave(x86::ptr(x86::rbx));
        a.mov(x86::word_ptr(x86::rbx), 0x033e);      // reserved bit 6 is 0, IM is 0
        a.mov(x86::word_ptr(x86::rbx, 2), 0x0001);   // IE is pending
        a.fxrstor(x86::ptr(x86::rbx));
        a.fxsave(x86::ptr(x86::rbx, 0x200));
        a.fnclex();
    });
    CHECK(t.load_value<u16>(kDataAt + 0x200) == 0x037e);
    CHECK(t.load_value<u16>(kDataAt + 0x202) == 0x8081);
}

namespace {

/// Leaves a division by zero pending that is not masked; `at` becomes the offset of the next instruction, which waits.
void leave_error(x86::Assembler& a, u64& at) {
    a.mov(x86::dword_ptr(x86::rbx), 0x033b);  // ZM is 0
    a.fldcw(x86::word_ptr(x86::rbx));
    a.fld1(), a.fldz();
    a.fdivp();
    at = a.offset();
}

}  // namespace

TEST_CASE("CR0.NE = 0: an x87 error asserts FERR# and holds the next waiting instruction until an interrupt", "[insn][x87]") {
    InsnTest t;
    u64 at = 0;
    t.set(kRbx, kDataAt);
    t.load([&](auto& a) {
        a.mov(x86::rax, x86::cr0), a.and_(x86::eax, ~0x20), a.mov(x86::cr0, x86::rax);
        leave_error(a, at);
        a.fld1();
    });
    t.set_flags(kFlagIF);
    t.run(false);
    CHECK(t.last.exit == RunExit::kHalted);
    CHECK(t.last.vector == -1);
    CHECK(t.last.rip == kCodeAt + at);
    CHECK(t.guest.environment().x87_error);
    t.guest.environment().pending_vector = 0x75;
    const GuestStop handler = t.guest.run();
    CHECK(handler.vector == 0x75);
    CHECK(handler.rip == kCodeAt + at);
}

TEST_CASE("CR0.NE = 0: IGNNE# lets the instruction go on, clearing the error lowers FERR#", "[insn][x87]") {
    for (const bool ignored : {true, false}) {
        InsnTest t;
        u64 at = 0;
        t.guest.environment().ignore_x87_errors = ignored;
        t.set(kRbx, kDataAt);
        t.load([&](auto& a) {
            a.mov(x86::rax, x86::cr0), a.and_(x86::eax, ~0x20), a.mov(x86::cr0, x86::rax);
            leave_error(a, at);
            if (!ignored) a.fnclex();
            a.fld1();
            a.mov(x86::rax, x86::cr0);
            a.cpuid();
        });
        CHECK(t.run(false).vector == kVectorBP);
        CHECK(!t.guest.environment().x87_error);
    }
}

TEST_CASE("FXSAVE wants 512 writable bytes, and #SS comes before the alignment's #GP", "[insn][x87]") {
    InsnTest t;
    t.load([](auto& a) { a.fxsave(x86::ptr(x86::rbp)); });
    t.set(kRbp, kDataAt + kDataSize - 416);
    CHECK(t.run().vector == kVectorPF);
    t.set(kRbp, 0x8000'0000'0000'0001);
    CHECK(t.run().vector == kVectorSS);
}

TEST_CASE("XRSTOR of an area whose start is not mapped is a page fault, whatever its header says", "[insn][x87]") {
    InsnTest t;
    constexpr Gva kArea = kDataAt - 0xc0, kHeader = kArea + 512 + 8;  // XCOMP_BV in the standard format is 0
    t.store_value<u64>(kHeader, 1);
    t.set(kRbx, kArea), t.set(kRax, 0), t.set(kRdx, 0);
    t.load([](auto& a) { a.xrstor(x86::ptr(x86::rbx)); });
    CHECK(t.run().vector == kVectorPF);
    CHECK(t.last.cr2 == kArea);
    t.set(kRbx, kDataAt), t.store_value<u64>(kDataAt + 512 + 8, 1);
    CHECK(t.run().vector == kVectorGP);
}

TEST_CASE("XRSTOR touches the end of what is asked for, even if all of it is in its initial state", "[insn][x87]") {
    InsnTest t;
    constexpr Gva kArea = kDataAt + kDataSize - 0x300;
    constexpr u64 kEndOfAvx = 576 + 256;
    t.set(kRbx, kArea), t.set(kRax, 7), t.set(kRdx, 0);
    t.load([](auto& a) { a.xrstor(x86::ptr(x86::rbx)); });
    CHECK(t.run().vector == kVectorPF);
    CHECK(t.last.cr2 == kArea + kEndOfAvx - 1);
    t.store_value<u64>(kArea + 512, u64{1} << 40);
    CHECK(t.run().vector == kVectorGP);  // a bad header comes first
}

}  // namespace twin86::test
