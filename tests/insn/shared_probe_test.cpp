// Accesses near one base register (accel/jit/emit_shared.cpp): each instruction happens by itself, wherever a page ends.
#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

namespace {

constexpr Gva kBorder = 0x30'1000;

}  // namespace

TEST_CASE("Loads near one base over a page border, at each place", "[insn][access]") {
    for (u64 below = 0; below <= 64; below += 4) {
        CAPTURE(below);
        InsnTest t;
        t.guest.map_new(kBorder - kPageSize, 2 * kPageSize, kUserPage | kWritablePage);
        for (u64 n = 0; n < 8; ++n) t.store_value(kBorder - below + 8 * n, 0x1111 * (n + 1));
        t.set(kRdi, kBorder - below + 16);
        t.execute([](auto& a) {
            a.mov(x86::rax, x86::qword_ptr(x86::rdi, -16));
            a.mov(x86::r10, x86::qword_ptr(x86::rdi, -8));
            a.lea(x86::rcx, x86::ptr(x86::rax, x86::rdx, 2, 5));
            a.add(x86::rax, x86::qword_ptr(x86::rdi, 40));
            a.movzx(x86::ebx, x86::byte_ptr(x86::rdi, 1));
            a.movups(x86::xmm3, x86::ptr(x86::rdi, 8));
            a.mov(x86::rdi, x86::qword_ptr(x86::rdi));
            a.movq(x86::rsi, x86::xmm3);
        });
        CHECK(t.reg(kRax) == 0x1111 * 9);
        CHECK(t.reg(kR10) == 0x2222);
        CHECK(t.reg(kRbx) == 0x33);
        CHECK(t.reg(kRdi) == 0x3333);
        CHECK(t.reg(kRsi) == 0x4444);
    }
}

TEST_CASE("Loads and stores near one base, over a page border again and again", "[insn][access]") {
    for (u64 below = 0; below <= 40; below += 4) {
        CAPTURE(below);
        InsnTest t;
        t.guest.map_new(kBorder - kPageSize, 2 * kPageSize, kUserPage | kWritablePage);
        t.set(kRbp, kBorder - below), t.set(kR15, 3);
        t.execute([](auto& a) {
            const Label again = a.newLabel();
            a.mov(x86::ecx, 300);  // the place gives up on the way
            a.bind(again);
            a.mov(x86::rax, x86::qword_ptr(x86::rbp, 8));
            a.add(x86::rax, x86::qword_ptr(x86::rbp, 24));
            a.mov(x86::qword_ptr(x86::rbp, 16), x86::rax);
            a.add(x86::qword_ptr(x86::rbp, 8), x86::r15);
            a.inc(x86::dword_ptr(x86::rbp, 24));
            a.dec(x86::ecx);
            a.jnz(again);
        });
        CHECK(t.load_value(kBorder - below + 8) == 900);
        CHECK(t.load_value(kBorder - below + 24) == 300);
        CHECK(t.load_value(kBorder - below + 16) == 299 * 4);
    }
}

TEST_CASE("A fault behind the first access near a base", "[insn][access]") {
    for (const bool above : {false, true}) {
        CAPTURE(above);
        InsnTest t;
        t.guest.map_new(above ? kBorder - kPageSize : kBorder, kPageSize, kUserPage | kWritablePage);
        t.load([](auto& a) {
            a.mov(x86::rax, x86::qword_ptr(x86::rdi));
            a.mov(x86::qword_ptr(x86::rdi, 8), x86::rdx);
            a.mov(x86::rbx, x86::qword_ptr(x86::rdi, -64));
            a.mov(x86::rcx, x86::qword_ptr(x86::rdi, 64));
        });
        const Gva at = above ? kBorder - 64 : kBorder;
        t.set(kRdi, at), t.set(kRdx, 77), t.set(kRcx, 5), t.set(kRbx, 6);
        for (unsigned n = 0; n < 120; ++n) {
            t.store_value(at, u64{n} + 1);
            t.store_value(at + 8, u64{0});
            REQUIRE(t.run().vector == kVectorPF);
            REQUIRE(t.last.cr2 == (above ? kBorder : kBorder - 64));
            REQUIRE(t.last.error_code == kPfUser);
            REQUIRE(t.last.rip == kCodeAt + (above ? 11 : 7));
            REQUIRE(t.reg(kRax) == n + 1);
            REQUIRE(t.load_value(at + 8) == 77);
            REQUIRE(t.reg(kRcx) == 5);
        }
    }
}

TEST_CASE("A read-only page: loads in front of the store that faults have happened", "[insn][access]") {
    InsnTest t;
    t.guest.map_new(kBorder, kPageSize, kUserPage);
    t.store_value<u64>(kBorder + 8, 11), t.store_value<u64>(kBorder + 16, 22);
    t.load([](auto& a) {
        a.mov(x86::rax, x86::qword_ptr(x86::rdi, 8));
        a.mov(x86::rbx, x86::qword_ptr(x86::rdi, 16));
        a.add(x86::qword_ptr(x86::rdi, 8), x86::rbx);
    });
    t.set(kRdi, kBorder), t.set(kRbx, 0);
    for (unsigned n = 0; n < 4; ++n) {
        CHECK(t.run().vector == kVectorPF);
        CHECK(t.last.error_code == (kPfUser | kPfWrite | kPfPresent));
        CHECK(t.reg(kRax) == 11);
        CHECK(t.reg(kRbx) == 22);
        CHECK(t.load_value(kBorder + 8) == 11);
    }
}

TEST_CASE("A store near a base over an instruction behind it", "[insn][smc]") {
    InsnTest t;
    t.guest.map(kCodeAt, t.guest.physical(kCodeAt), kCodeSize, kUserPage | kWritablePage);
    t.set(kRbx, 0xc6ff);  // inc esi
    t.execute([](auto& a) {
        const Label patched = a.newLabel();
        a.lea(x86::rdi, x86::ptr(patched));
        a.mov(x86::eax, x86::dword_ptr(x86::rdi, 16));
        a.mov(x86::word_ptr(x86::rdi), x86::bx);
        a.mov(x86::ecx, x86::dword_ptr(x86::rdi, 8));
        a.bind(patched);
        for (unsigned n = 0; n < 24; ++n) a.nop();
    });
    CHECK(t.reg(kRsi) == 1);
    CHECK(t.reg(kRcx) == 0x9090'9090);
}

}  // namespace twin86::test
