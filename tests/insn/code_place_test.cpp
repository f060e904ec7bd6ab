// Pages of user code that two processes share: at one address, at two, beside another page than in the other process.
// Direct branches between pages, indirect ones and calls must find what the address space of the moment maps.
#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

namespace {

constexpr Gva kRoundAt = kCodeAt + 0x100, kEntry = kCodeAt + kPageSize;
constexpr Gva kFirst = 0x2000000, kElsewhere = kFirst + 0x40000;
constexpr u32 kRounds = 6;

using Program = void (*)(x86::Assembler&);

/// Programs that go to the start of the next page.
void jumps(x86::Assembler& a) {
    a.embed("\xe9\xfb\x0f\x00\x00", 5);
}
void branches(x86::Assembler& a) {
    a.xor_(x86::eax, x86::eax);
    a.embed("\x0f\x84\xf8\x0f\x00\x00", 6);
}
void jumps_indirectly(x86::Assembler& a) {
    a.lea(x86::rdx, x86::ptr(x86::rip, 0x1000 - 7)), a.jmp(x86::rdx);
}
void jumps_a_lot(x86::Assembler& a) {  // so that its own page is left by an indirect branch too
    a.lea(x86::rdx, x86::ptr(x86::rip, 0x100 - 7)), a.jmp(x86::rdx);
    while (a.offset() < 0x100) a.int3();
    a.lea(x86::rdx, x86::ptr(x86::rip, 0xf00 - 7)), a.call(x86::rdx);
}

/// Two processes that take turns. Page a is the program's, which goes to the next one; b and c report 1 or 3, plus 1 when they run
/// at kElsewhere. c is the third page of both.
class TwoSpaces : public InsnTest {
  public:
    explicit TwoSpaces(Program program) {
        guest.map_new(kFirst, 3 * kPageSize, kUserPage);
        a = guest.physical(kFirst), b = a + kPageSize, c = b + kPageSize;
        load([&](auto& as) { program(as); }, kFirst);
        load([](auto& as) { report(as, 1); }, kFirst + kPageSize);
        load([](auto& as) { report(as, 3); }, kFirst + 2 * kPageSize);
        load_kernel();
    }

    Gpa a, b, c;

    /// The pages at `where` in the second process. Returns a digit for each round.
    u64 go(Gva where, Gpa first, Gpa second) {
        guest.start(kCodeAt, kStackTop, false);
        CpuState& s = guest.state();
        s.efer |= kEferSCE;
        s.star = u64{JitGuest::kKernelCode} << 32 | u64{0x18} << 48;
        s.lstar = kEntry;
        s.gpr[kR12] = s.cr3;
        s.gpr[kR8] = other_space(s.cr3, where, first, second);
        s.gpr[kR13] = kFirst;
        s.gpr[kR9] = where;
        last = guest.run();
        REQUIRE(last.vector == kVectorBP);
        return reg(kR15);
    }

  private:
    static void report(x86::Assembler& as, u32 number) {
        as.lea(x86::rbx, x86::ptr(x86::rip)), as.shr(x86::rbx, 18), as.and_(x86::ebx, 1), as.add(x86::ebx, number);
        as.syscall();
    }

    u64* table(Gpa at) { return reinterpret_cast<u64*>(page_host(guest.phys().pages().entry(at))); }

    /// Paging structures of their own for the 2 MiB around kFirst.
    u64 other_space(u64 cr3, Gva where, Gpa first, Gpa second) {
        constexpr u64 kAddress = 0xf'ffff'ffff'f000;
        const Gpa fresh = guest.allocate(4);
        u64 from = cr3;
        for (unsigned level = 0; level < 4; ++level) {
            u64* const copy = table(fresh + level * kPageSize);
            std::copy_n(table(from & kAddress), 512, copy);
            u64& entry = copy[kFirst >> (39 - 9 * level) & 511];
            from = entry;
            if (level < 3) entry = (entry & ~kAddress) | (fresh + (level + 1) * kPageSize);
            else map_here(copy, entry & ~kAddress, where, first, second);
        }
        return fresh;
    }

    void map_here(u64* page_table, u64 rights, Gva where, Gpa first, Gpa second) {
        for (unsigned n = 0; n < 3; ++n) page_table[(kFirst >> 12 & 511) + n] = 0;
        u64* const entries = page_table + (where >> 12 & 511);
        entries[0] = first | rights;
        entries[1] = second | rights;
        entries[2] = c | rights;
    }

    void load_kernel() {
        load([](auto& as) {
            as.mov(x86::r14d, kRounds), as.mov(x86::rbp, x86::rsp), as.xor_(x86::r15d, x86::r15d);
            as.jmp(kRoundAt);
        });
        load(
            [](auto& as) {
                as.mov(x86::cr3, x86::r12);
                as.push(JitGuest::kUserData), as.push(x86::rbp), as.push(2), as.push(JitGuest::kUserCode), as.push(x86::r13);
                as.iretq();
            },
            kRoundAt);
        load(
            [](auto& as) {
                as.mov(x86::rsp, x86::rbp);
                as.imul(x86::r15, x86::r15, 10), as.add(x86::r15, x86::rbx);
                as.xchg(x86::r12, x86::r8), as.xchg(x86::r13, x86::r9);
                as.dec(x86::r14d);
                as.jnz(kRoundAt);
            },
            kEntry);
    }
};

Program any_program() {
    return GENERATE(jumps, branches, jumps_indirectly, jumps_a_lot);
}

}  // namespace

TEST_CASE("Two processes with the same code at the same address", "[insn][place]") {
    TwoSpaces t(any_program());
    CHECK(t.go(kFirst, t.a, t.b) == 111111);
}

TEST_CASE("Two processes with a page in common and different ones behind it", "[insn][place]") {
    TwoSpaces t(any_program());
    CHECK(t.go(kFirst, t.a, t.c) == 131313);
}

TEST_CASE("Two processes with the same code at two addresses", "[insn][place]") {
    TwoSpaces t(any_program());
    CHECK(t.go(kElsewhere, t.a, t.b) == 121212);
}

TEST_CASE("Two processes with a page at two addresses and different ones behind it", "[insn][place]") {
    TwoSpaces t(any_program());
    CHECK(t.go(kElsewhere, t.a, t.c) == 141414);
}

TEST_CASE("A page of code that lies at two addresses of one process", "[insn][place]") {
    TwoSpaces t(any_program());
    CHECK(t.go(kFirst, t.a, t.a) == 131313);
}

}  // namespace twin86::test
