// Blocks that jump to their own start: what emitted code compares before the first round must hold in all of them.
#include "tests/insn/decoys.h"

namespace twin86::test {

using namespace asmjit;

namespace {

constexpr Gva kBorder = Gva{1} << 39;  // between regions of 512 GiB

/// Two pages before a border between regions and two behind it, filled with numbers from 1.
void map_border(InsnTest& t) {
    t.guest.map_new(kBorder - 2 * kPageSize, 2 * kPageSize, kUserPage | kWritablePage);
    t.guest.map_new(kBorder, 2 * kPageSize, kUserPage | kWritablePage);
    for (u64 n = 0; n < 4 * kPageSize / 8; ++n) t.store_value<u64>(kBorder - 2 * kPageSize + n * 8, n + 1);
}

/// So many rounds of a block that jumps to its own start, counted down in rcx. Returns the start.
Label repeat(auto& a, u64 rounds, auto&& round) {
    const Label again = a.newLabel();
    a.mov(x86::ecx, rounds);
    a.bind(again);
    round();
    a.dec(x86::rcx);
    a.jnz(again);
    return again;
}

constexpr u64 kNumbers = 4 * kPageSize / 8, kSum = kNumbers * (kNumbers + 1) / 2;

}  // namespace

TEST_CASE("A loop whose pointer walks from one region into the next", "[insn][loop]") {
    for (const x86::Gp& pointer : {x86::rdi, x86::r11, x86::r13}) {
        InsnTest t;
        map_border(t);
        t.execute([&](auto& a) {
            a.mov(pointer, kBorder - 2 * kPageSize);
            a.xor_(x86::eax, x86::eax);
            repeat(a, kNumbers, [&] {
                a.add(x86::rax, x86::qword_ptr(pointer));
                a.add(x86::qword_ptr(pointer), x86::rcx);
                a.add(pointer, 8);
            });
            a.mov(x86::rdx, x86::qword_ptr(pointer, -8));
        });
        CHECK(t.reg(kRax) == kSum);
        CHECK(t.reg(kRdx) == kNumbers + 1);
        CHECK(t.load_value(kBorder) == kNumbers / 2 + 1 + kNumbers / 2);
    }
}

TEST_CASE("A loop whose base and index walk over the border between regions, backwards", "[insn][loop]") {
    for (const x86::Gp& index : {x86::rdx, x86::r10}) {
        InsnTest t;
        map_border(t);
        t.execute([&](auto& a) {
            const Label again = a.newLabel();
            a.mov(x86::rbx, kBorder - 2 * kPageSize);
            a.mov(index, kNumbers);
            a.xor_(x86::eax, x86::eax);
            a.bind(again);
            a.add(x86::rax, x86::qword_ptr(x86::rbx, index, 3, -8));
            a.mov(x86::qword_ptr(x86::rbx, index, 3, -8), x86::rax);
            a.sub(index, 1);
            a.jnz(again);
        });
        CHECK(t.reg(kRax) == kSum);
        CHECK(t.load_value(kBorder - 2 * kPageSize) == kSum);
    }
}

TEST_CASE("The same loop is entered with pointers to many regions", "[insn][loop]") {
    constexpr Gva kIslands[] = {0x10000000, 0x7f8000000000, 0x558000000000, 0x7fff00000000, 0x400000000000};
    InsnTest t;
    for (const Gva island : kIslands) {
        t.guest.map_new(island, kPageSize, kUserPage | kWritablePage);
        for (u64 n = 0; n < 8; ++n) t.store_value<u64>(island + n * 8, (island >> 20) + n);
    }
    constexpr unsigned kRounds = 40;
    u64 expected = 0;
    for (unsigned n = 0; n < kRounds; ++n) {
        const Gva island = kIslands[n * n % std::size(kIslands)];
        t.store_value<u64>(kDataAt + kPageSize + n * 8, island);
        expected += 8 * (island >> 20) + 28;
    }
    t.set(kRsi, kDataAt + kPageSize), t.set(kR8, kRounds);
    t.execute([&](auto& a) {
        const Label outer = a.newLabel();
        a.xor_(x86::eax, x86::eax);
        a.bind(outer);
        a.mov(x86::rdi, x86::qword_ptr(x86::rsi));
        repeat(a, 8, [&] {
            a.add(x86::rax, x86::qword_ptr(x86::rdi));
            a.add(x86::rdi, 8);
        });
        a.add(x86::rsi, 8);
        a.dec(x86::r8);
        a.jnz(outer);
    });
    CHECK(t.reg(kRax) == expected);
}

TEST_CASE("A loop that does not touch its operand until the pointer is in another region", "[insn][loop]") {
    InsnTest t;
    if (!t.guest.model().has(Feature::kAvx512f)) return;
    Decoys decoys(t);
    constexpr u64 kStep = 0x80000, kSteps = kWindowStride / kStep;
    t.execute([&](auto& a) {
        decoys.touch(a);
        a.mov(x86::r8d, 1);
        repeat(a, kSteps + 1, [&] {
            a.xor_(x86::edx, x86::edx);
            a.cmp(x86::ecx, 1);
            a.cmove(x86::edx, x86::r8d);
            a.kmovw(x86::k1, x86::edx);
            a.k(x86::k1).z().vmovdqu64(x86::zmm1, x86::zmmword_ptr(x86::rdi));  // in the last round: one element
            a.add(x86::rdi, kStep);
        });
        a.vmovq(x86::rax, x86::xmm1);
    });
    CHECK(t.reg(kRax) == Decoys::kRight);
}

TEST_CASE("A loop whose pointer moves by what is no constant", "[insn][loop]") {
    InsnTest t;
    Decoys decoys(t);
    t.execute([&](auto& a) {
        decoys.touch(a);
        a.mov(x86::r8, kWindowStride);
        a.xor_(x86::edx, x86::edx);
        repeat(a, 6, [&] {
            a.mov(x86::rax, x86::qword_ptr(x86::rdi));
            a.cmp(x86::ecx, 2);
            a.cmove(x86::rdx, x86::r8);
            a.add(x86::rdi, x86::rdx);
        });
    });
    CHECK(t.reg(kRax) == Decoys::kRight);
}

TEST_CASE("A loop whose pointer moves by constants, but farther than the space between windows", "[insn][loop]") {
    InsnTest t;
    Decoys decoys(t);
    constexpr u64 kRounds = 8, kRound = kWindowStride / kRounds;
    for (u64 n = 1; n < kRounds; ++n)
        t.guest.map(Decoys::kFirst + n * kRound, t.guest.physical(Decoys::kFirst), kPageSize, kUserPage | kWritablePage);
    t.execute([&](auto& a) {
        decoys.touch(a);
        repeat(a, kRounds + 1, [&] {
            a.mov(x86::rax, x86::qword_ptr(x86::rdi));
            for (u64 left = kRound; left != 0;) {
                const i64 step = static_cast<i64>(std::min<u64>(left, u64{1} << 31));
                a.sub(x86::rdi, -step);
                left -= static_cast<u64>(step);
            }
        });
    });
    CHECK(t.reg(kRax) == Decoys::kRight);
}

TEST_CASE("A loop whose pointer is replaced behind its branch, where the block goes on", "[insn][loop]") {
    InsnTest t;
    Decoys decoys(t);
    t.execute([&](auto& a) {
        decoys.touch(a);
        const Label again = repeat(a, 2, [&] {
            a.mov(x86::rax, x86::qword_ptr(x86::rdi));
            a.add(x86::rdi, 8);
        });
        a.mov(x86::rdi, Decoys::kTarget);
        a.mov(x86::rax, x86::qword_ptr(x86::rdi));
        a.test(x86::rax, x86::rax);
        a.jz(again);
    });
    CHECK(t.reg(kRax) == Decoys::kRight);
}

TEST_CASE("A loop that reaches another window in each round, where its own pointer would see a decoy", "[insn][loop]") {
    InsnTest t;
    // Windows follow each other as they are touched: with the second one's delta the first region's addresses fall
    // short of it by a region, which is into the first window.
    constexpr Gva kFirst = Decoys::kFirst, kSecond = kFirst + WindowArea::kRegionSize, kDecoy = kFirst + WindowArea::kGuardSize;
    for (const Gva page : {kFirst, kSecond, kDecoy}) t.guest.map_new(page, kPageSize, kUserPage | kWritablePage);
    t.store_value<u64>(kFirst, Decoys::kRight);
    t.store_value<u64>(kFirst + 8, kSecond);
    t.store_value<u64>(kDecoy, Decoys::kWrong);
    t.execute([&](auto& a) {
        a.mov(x86::rdi, kFirst);
        a.mov(x86::rsi, kSecond);
        a.mov(x86::rax, x86::qword_ptr(x86::rdi));
        a.mov(x86::rax, x86::qword_ptr(x86::rsi));
        a.mov(x86::rax, kDecoy);
        a.mov(x86::rax, x86::qword_ptr(x86::rax));
        a.xor_(x86::edx, x86::edx);
        repeat(a, 100, [&] {
            a.add(x86::rdx, x86::qword_ptr(x86::rdi));
            a.mov(x86::rsi, x86::qword_ptr(x86::rdi, 8));
            a.add(x86::rdx, x86::qword_ptr(x86::rsi));
        });
    });
    CHECK(t.reg(kRdx) == 100 * Decoys::kRight);
}

TEST_CASE("Short loops are left after the right round, whatever their length and condition", "[insn][loop]") {
    struct Condition {
        x86::CondCode code;
        bool (*holds)(u64 before);  ///< behind SUB of 1
    };
    static constexpr auto kParity = [](u64 before) { return __builtin_popcountll((before - 1) & 0xff) % 2 == 0; };
    const Condition conditions[] = {
        {x86::CondCode::kNZ, [](u64 n) { return n != 1; }},
        {x86::CondCode::kZ, [](u64 n) { return n == 1; }},
        {x86::CondCode::kNB, [](u64 n) { return n >= 1; }},
        {x86::CondCode::kB, [](u64 n) { return n < 1; }},
        {x86::CondCode::kNBE, [](u64 n) { return n > 1; }},
        {x86::CondCode::kBE, [](u64 n) { return n <= 1; }},
        {x86::CondCode::kNS, [](u64 n) { return static_cast<i64>(n - 1) >= 0; }},
        {x86::CondCode::kS, [](u64 n) { return static_cast<i64>(n - 1) < 0; }},
        {x86::CondCode::kNL, [](u64 n) { return static_cast<i64>(n) >= 1; }},
        {x86::CondCode::kNLE, [](u64 n) { return static_cast<i64>(n) > 1; }},
        {x86::CondCode::kL, [](u64 n) { return static_cast<i64>(n) < 1; }},
        {x86::CondCode::kLE, [](u64 n) { return static_cast<i64>(n) <= 1; }},
        {x86::CondCode::kP, [](u64 n) { return kParity(n); }},
        {x86::CondCode::kNP, [](u64 n) { return !kParity(n); }},
        {x86::CondCode::kNO, [](u64 n) { return n != u64{1} << 63; }},
        {x86::CondCode::kO, [](u64 n) { return n == u64{1} << 63; }},
    };
    constexpr u64 kMostRounds = 50;
    for (const Condition& c : conditions)
        for (unsigned length = 0; length < 12; length += 1 + length / 4)
            for (const u64 first : {u64{0}, u64{1}, u64{2}, u64{3}, u64{4}, u64{5}, u64{8}, u64{9}, (u64{1} << 63) + 3}) {
                u64 rounds = 0;
                for (u64 n = first; rounds++, c.holds(n) && rounds < kMostRounds; --n) {}
                if (rounds == kMostRounds) continue;
                InsnTest t;
                t.set(kRcx, first), t.set(kR11, 0), t.set(kRax, 0);
                t.execute([&](auto& a) {
                    const Label again = a.newLabel();
                    a.bind(again);
                    for (unsigned n = 0; n < length; ++n) a.add(n % 2 ? x86::rax : x86::r11, n + 1);
                    a.lea(x86::rdx, x86::ptr(x86::rdx, 1));
                    a.sub(x86::rcx, 1);
                    a.j(c.code, again);
                    a.mov(x86::rbx, x86::rcx);
                });
                INFO("condition " << static_cast<unsigned>(c.code) << " length " << length << " from " << first);
                u64 sum = 0;
                for (unsigned n = 0; n < length; ++n) sum += n + 1;
                CHECK(t.reg(kRax) + t.reg(kR11) == rounds * sum);
                CHECK(t.reg(kRbx) == first - rounds);
            }
}

}  // namespace twin86::test
