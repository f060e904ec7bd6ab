// User code behind a reload of CR3: cached jumps to it stay only where the page tables still say the same.
#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

namespace {

constexpr Gva kRoundAt = kCodeAt + 0x100, kEntry = kCodeAt + kPageSize, kUserAt = kCodeAt + 3 * kPageSize;
constexpr Gva kOtherAt = 0x500000, kAliasAt = 0x540000, kTableAt = 0xa00000;
constexpr u64 kAccessed = 1 << 5, kUserBit = 1 << 2, kNoExecute = u64{1} << 63;
constexpr u32 kRounds = 5;

class SpaceCodeTest : public InsnTest {
  public:
    SpaceCodeTest() {
        guest.map_new(kOtherAt, kPageSize, kUserPage);
        load([](auto& a) { a.mov(x86::ebx, 1), a.syscall(); }, kUserAt);
        load([](auto& a) { a.mov(x86::ebx, 2), a.syscall(); }, kOtherAt);
        load_kernel();
        guest.map(kTableAt, table(), kPageSize, kWritablePage);
    }

    u64 entry() const { return load_value(entry_at()); }

    /// The page of the code lies at kAliasAt as well, and its program ends there.
    void continue_at_alias() {
        guest.map(kAliasAt, guest.physical(kUserAt) & kPageMask, kPageSize, kUserPage);
        load([](auto& a) { a.mov(x86::ebx, 1), a.mov(x86::edx, static_cast<u32>(kAliasAt) + 0x80), a.jmp(x86::rdx); }, kUserAt);
        load([](auto& a) { a.syscall(); }, kUserAt + 0x80);
    }

    /// r13: a decimal digit for each round, of the code that ran. Behind the third round the entry becomes `value`.
    void go(u64 value) {
        guest.start(kCodeAt, kStackTop, false);
        CpuState& s = guest.state();
        s.efer |= kEferSCE;
        s.star = u64{JitGuest::kKernelCode} << 32 | u64{0x18} << 48;
        s.lstar = kEntry;
        s.gpr[kR12] = value;
        s.gpr[kRdi] = entry_at();
        last = guest.run();
    }

  private:
    static Gva entry_at() { return kTableAt + (kUserAt >> 12 & 511) * 8; }

    /// The page table of the code, by its physical address.
    Gpa table() {
        guest.start(kCodeAt, kStackTop, false);
        u64 at = guest.state().cr3;
        for (unsigned shift = 39; shift > 12; shift -= 9) {
            const u8* page = page_host(guest.phys().pages().entry(at & kPageMask));
            at = reinterpret_cast<const u64*>(page)[kUserAt >> shift & 511] & 0xf'ffff'ffff'f000;
        }
        return at & kPageMask;
    }

    void load_kernel() {
        load([](auto& a) {
            a.mov(x86::r14d, kRounds), a.mov(x86::rbp, x86::rsp), a.xor_(x86::r13d, x86::r13d);
            a.jmp(kRoundAt);
        });
        load(
            [](auto& a) {
                a.push(JitGuest::kUserData), a.push(x86::rbp), a.push(2), a.push(JitGuest::kUserCode);
                a.mov(x86::eax, static_cast<u32>(kUserAt)), a.push(x86::rax);
                a.iretq();
            },
            kRoundAt);
        load(
            [](auto& a) {
                const Label keep = a.newLabel();
                a.mov(x86::rsp, x86::rbp);
                a.imul(x86::r13, x86::r13, 10), a.add(x86::r13, x86::rbx);
                a.cmp(x86::r14d, kRounds - 2), a.jne(keep);
                a.mov(x86::ptr(x86::rdi), x86::r12);
                a.bind(keep);
                a.mov(x86::rax, x86::cr3), a.mov(x86::cr3, x86::rax);
                a.dec(x86::r14d);
                a.jnz(kRoundAt);
            },
            kEntry);
    }
};

}  // namespace

TEST_CASE("Code stays where it is", "[insn][space]") {
    SpaceCodeTest t;
    t.go(t.entry() | kAccessed);
    REQUIRE(t.last.vector == kVectorBP);
    CHECK(t.reg(kR13) == 11111);
}

TEST_CASE("Code moves", "[insn][space]") {
    SpaceCodeTest t;
    t.go((t.guest.physical(kOtherAt) & kPageMask) | (t.entry() & 0xfff));
    REQUIRE(t.last.vector == kVectorBP);
    CHECK(t.reg(kR13) == 11122);
}

TEST_CASE("Code that lies at two addresses moves at one", "[insn][space]") {
    SpaceCodeTest t;
    t.continue_at_alias();
    t.go((t.guest.physical(kOtherAt) & kPageMask) | (t.entry() & 0xfff));
    REQUIRE(t.last.vector == kVectorBP);
    CHECK(t.reg(kR13) == 11122);
}

TEST_CASE("A cleared accessed bit is set again when the code runs", "[insn][space]") {
    SpaceCodeTest t;
    t.go(t.entry() & ~kAccessed);
    REQUIRE(t.last.vector == kVectorBP);
    CHECK(t.reg(kR13) == 11111);
    CHECK((t.entry() & kAccessed) != 0);
}

TEST_CASE("Code that the user may not execute any more", "[insn][space]") {
    SpaceCodeTest t;
    const u64 entry = t.entry(), denied = GENERATE_COPY(entry & ~kUserBit, entry | kNoExecute, u64{0});
    t.go(denied);
    CHECK(t.last.vector == kVectorPF);
    CHECK(t.last.rip == kUserAt);
    CHECK(t.last.cr2 == kUserAt);
    CHECK(t.reg(kR13) == 111);
}

}  // namespace twin86::test
