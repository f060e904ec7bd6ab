// One instruction that meets addresses in many regions of 512 GiB, in turns short and long: what emitted code guesses
// about them must not show.
#include <numeric>

#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

namespace {

constexpr Gva kIslands[] = {0x10000000, 0x7f8000000000, 0x558000000000, 0x7fff00000000, 0x400000000000};
constexpr Gva kTable = kDataAt + kPageSize;
constexpr unsigned kEntries = 200;

/// Islands that hold their number; the table's pointers stay at one for a while or change with each entry.
u64 prepare(InsnTest& t) {
    for (const Gva island : kIslands) {
        t.guest.map_new(island, kPageSize, kUserPage | kWritablePage);
        t.store_value(island + 8, island >> 20);
    }
    u64 sum = 0;
    for (unsigned n = 0; n < kEntries; ++n) {
        const Gva island = kIslands[n < 60 ? n / 20 : n % std::size(kIslands)];
        t.store_value(kTable + n * 8, island);
        sum += island >> 20;
    }
    return sum;
}

}  // namespace

TEST_CASE("A load whose pointer changes its region", "[insn][region]") {
    for (const x86::Gp& pointer : {x86::rdi, x86::r9, x86::r10, x86::r15, x86::rbp}) {
        InsnTest t;
        const u64 sum = prepare(t);
        t.set(kRsi, kTable), t.set(kRcx, kEntries);
        t.execute([&](auto& a) {
            const Label again = a.newLabel();
            a.xor_(x86::eax, x86::eax);
            a.bind(again);
            a.mov(pointer, x86::qword_ptr(x86::rsi));
            a.mov(x86::rdx, x86::qword_ptr(pointer, 8));
            a.mov(x86::r8, x86::qword_ptr(pointer, x86::rcx, 0, 8));  // in rbp: the index may be anything
            a.sub(x86::r8, x86::qword_ptr(pointer, x86::rcx, 0, 8));
            a.add(x86::rax, x86::rdx);
            a.add(x86::rax, x86::r8);
            a.add(x86::rsi, 8);
            a.dec(x86::rcx);
            a.jnz(again);
        });
        CHECK(t.reg(kRax) == sum);
    }
}

TEST_CASE("A pointer that leaves the canonical addresses where a guess held before", "[insn][region]") {
    InsnTest t;
    prepare(t);
    t.store_value<u64>(kTable + 40 * 8, kIslands[1] | u64{1} << 52);  // the same bits 47:39
    t.set(kRsi, kTable), t.set(kRcx, kEntries);
    t.load([&](auto& a) {
        const Label again = a.newLabel();
        a.bind(again);
        a.mov(x86::rdi, x86::qword_ptr(x86::rsi));
        a.mov(x86::qword_ptr(x86::rdi, 16), x86::rcx);
        a.add(x86::rsi, 8);
        a.dec(x86::rcx);
        a.jnz(again);
    });
    CHECK(t.run().vector == kVectorGP);
    CHECK(t.reg(kRsi) == kTable + 40 * 8);
    CHECK(t.load_value(kIslands[1] + 16) == kEntries - 39);
}

}  // namespace twin86::test
