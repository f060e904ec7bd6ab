// String instructions: direction, pages, overlap, counts, and the state in which a fault leaves them.
#include <vector>

#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

namespace {

void fill(InsnTest& t, Gva at, u64 size) {
    std::vector<u8> bytes(size);
    for (u64 i = 0; i < size; ++i) bytes[i] = static_cast<u8>(i * 7 + (i >> 8));
    t.guest.write(at, bytes);
}

std::vector<u8> get(InsnTest& t, Gva at, u64 size) {
    std::vector<u8> bytes(size);
    t.guest.read(at, bytes);
    return bytes;
}

}  // namespace

TEST_CASE("REP MOVS forward and backward over pages copies the same bytes", "[insn][string]") {
    for (const bool down : {false, true}) {
        for (const unsigned size : {1u, 2u, 4u, 8u}) {
            InsnTest t;
            fill(t, kDataAt + 100, 6000);
            const u64 count = 5600 / size, last = down ? (count - 1) * size : 0;
            t.set(kRsi, kDataAt + 100 + last), t.set(kRdi, kDataAt + 2 * kPageSize + 333 + last), t.set(kRcx, count);
            if (down) t.set_flags(kFlagDF);
            t.execute([&](auto& a) {
                if (size == 1) a.rep().movsb();
                if (size == 2) a.rep().movsw();
                if (size == 4) a.rep().movsd();
                if (size == 8) a.rep().movsq();
            });
            INFO("size " << size << " down " << down);
            CHECK(get(t, kDataAt + 2 * kPageSize + 333, count * size) == get(t, kDataAt + 100, count * size));
            CHECK(t.reg(kRcx) == 0);
            const u64 moved = down ? -(count * size) : count * size;
            CHECK(t.reg(kRsi) == kDataAt + 100 + last + moved);
            CHECK(t.reg(kRdi) == kDataAt + 2 * kPageSize + 333 + last + moved);
        }
    }
}

TEST_CASE("Overlapping MOVS repeats the pattern", "[insn][string]") {
    InsnTest t;
    t.store_value<u32>(kDataAt + kPageSize - 4, 0x04030201);
    t.set(kRsi, kDataAt + kPageSize - 4), t.set(kRdi, kDataAt + kPageSize), t.set(kRcx, 400);
    t.execute([](auto& a) { a.rep().movsb(); });
    for (unsigned i = 0; i < 400; ++i) REQUIRE(t.load_value<u8>(kDataAt + kPageSize + i) == i % 4 + 1);
}

TEST_CASE("CMPS whose operands both fault: the one at RDI comes first", "[insn][string]") {
    InsnTest t;
    t.load([](auto& a) { a.cmpsw(); });
    t.set(kRsi, 0x10), t.set(kRdi, 0x20);
    t.run();
    CHECK(t.last.vector == kVectorPF);
    CHECK(t.last.cr2 == 0x20);
    t.set(kRdi, kDataAt);
    t.run();
    CHECK(t.last.cr2 == 0x10);
}

TEST_CASE("REP with count 0 touches nothing, whatever the pointers", "[insn][string]") {
    InsnTest t;
    t.set(kRcx, 0), t.set(kRsi, 0x1'0000'0000'0000), t.set(kRdi, 3), t.set(kRax, 5);
    t.set_flags(kFlagZF);
    t.execute([](auto& a) {
        a.rep().movsq();
        a.rep().stosb();
        a.rep().lodsd();
        a.repe().cmpsb();
        a.repne().scasw();
    });
    CHECK(t.reg(kRsi) == 0x1'0000'0000'0000);
    CHECK(t.reg(kRdi) == 3);
    CHECK(t.reg(kRax) == 5);
    CHECK(t.flags() == kFlagZF);
}

TEST_CASE("REP STOS into an unmapped page stops at its start", "[insn][string]") {
    InsnTest t;
    t.load([](auto& a) { a.rep().stosd(); });
    t.set(kRdi, kDataAt + kDataSize - 40), t.set(kRcx, 20), t.set(kRax, 0x11223344);
    CHECK(t.run().vector == kVectorPF);
    CHECK(t.last.cr2 == kDataAt + kDataSize);
    CHECK(t.last.rip == kCodeAt);
    CHECK(t.reg(kRcx) == 10);
    CHECK(t.reg(kRdi) == kDataAt + kDataSize);
    CHECK(t.load_value<u32>(kDataAt + kDataSize - 4) == 0x11223344);
}

TEST_CASE("REP MOVS again and again, then into an unmapped page: registers and flags are the guest's where it stops", "[insn][string]") {
    InsnTest t;
    fill(t, kDataAt, 2 * kPageSize);
    t.load([](auto& a) {
        a.cmp(asmjit::x86::rax, asmjit::x86::rdx);
        a.rep().movsb();
        a.setc(asmjit::x86::bl);
    });
    const Gva end = kDataAt + kDataSize;
    for (int round = 0; round < 8; ++round) {  // windows are made meanwhile
        t.set(kRsi, kDataAt + 7), t.set(kRdi, end - 5000), t.set(kRcx, 5000), t.set(kRax, 1), t.set(kRdx, 2), t.set(kRbx, 0);
        t.run();
        REQUIRE(t.last.vector != kVectorPF);
        REQUIRE(t.reg(kRbx) == 1);
        REQUIRE(get(t, end - 5000, 5000) == get(t, kDataAt + 7, 5000));
    }
    t.set(kRsi, kDataAt + 7), t.set(kRdi, end - 4500), t.set(kRcx, 5000);
    t.run();
    CHECK(t.last.vector == kVectorPF);
    CHECK(t.last.cr2 == end);
    CHECK(t.reg(kRcx) == 500);
    CHECK(t.reg(kRsi) == kDataAt + 7 + 4500);
    CHECK(t.reg(kRdi) == end);
    CHECK((t.flags() & kFlagCF) == kFlagCF);
}

TEST_CASE("An element that crosses into an unmapped page faults as a whole", "[insn][string]") {
    InsnTest t;
    t.load([](auto& a) { a.rep().stosq(); });
    t.set(kRdi, kDataAt + kDataSize - 12), t.set(kRcx, 3), t.set(kRax, ~u64{0});
    CHECK(t.run().vector == kVectorPF);
    CHECK(t.last.cr2 == kDataAt + kDataSize);
    CHECK(t.reg(kRcx) == 2);
    CHECK(t.reg(kRdi) == kDataAt + kDataSize - 4);
    CHECK(t.load_value<u32>(kDataAt + kDataSize - 4) == 0);
}

TEST_CASE("CMPS and SCAS stop where the manual says, with the flags of the last comparison", "[insn][string]") {
    InsnTest t;
    fill(t, kDataAt, 5000);
    fill(t, kDataAt + 2 * kPageSize, 5000);
    t.store_value<u8>(kDataAt + 2 * kPageSize + 4500, static_cast<u8>(4500 * 7 + (4500 >> 8) + 1));
    t.set(kRsi, kDataAt), t.set(kRdi, kDataAt + 2 * kPageSize), t.set(kRcx, 5000);
    t.execute([](auto& a) { a.repe().cmpsb(); });
    CHECK(t.reg(kRcx) == 5000 - 4501);
    CHECK(t.reg(kRsi) == kDataAt + 4501);
    CHECK((t.flags() & (kFlagCF | kFlagZF)) == kFlagCF);

    t.store_value<u16>(kDataAt + kPageSize - 1, 0xbeef);
    t.set(kRdi, kDataAt + kPageSize - 1 - 2 * 50), t.set(kRcx, 1000), t.set(kRax, 0xffffbeef);
    t.execute([](auto& a) { a.repne().scasw(); });
    CHECK(t.reg(kRdi) == kDataAt + kPageSize + 1);
    CHECK(t.reg(kRcx) == 1000 - 51);
    CHECK((t.flags() & kFlagZF) == kFlagZF);
}

TEST_CASE("LODS with an FS override and a 32-bit address", "[insn][string]") {
    InsnTest t;
    t.store_value(kDataAt + 0x20, 0x0123456789abcdef);
    t.set(kRsi, 0xffffffff'00000020);
    t.load([](auto& a) { a.db(0x64), a.db(0x67), a.lodsq(); });
    t.guest.start(kCodeAt, kStackTop);
    t.guest.state().segment[kFs].base = kDataAt;
    t.guest.state().gpr[kRsi] = 0xffffffff'00000020;
    CHECK(t.guest.run().vector == kVectorBP);
    CHECK(t.guest.state().gpr[kRax] == 0x0123456789abcdef);
    CHECK(t.guest.state().gpr[kRsi] == 0x28);
}

TEST_CASE("CLD and STD within one program", "[insn][string]") {
    InsnTest t;
    t.set(kRdi, kDataAt + 0x100), t.set(kRax, 1), t.set(kRcx, 4);
    t.execute([](auto& a) {
        a.std();
        a.rep().stosb();
        a.cld();
        a.stosb();
    });
    CHECK(t.reg(kRdi) == kDataAt + 0x100 - 3);
    CHECK(t.load_value(kDataAt + 0xf9) == 0x0101010101000000);
}

}  // namespace twin86::test
