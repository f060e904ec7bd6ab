// Pages that hold code and are written to all the time: every write must be seen, whatever makes it fast.
#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

namespace {

constexpr Gva kBuffer = 0xc0'0000, kAlias = 0xd0'0000;
constexpr u8 kMovEax = 0xb8, kRet = 0xc3;

void map_buffer(InsnTest& t) {
    t.guest.map_new(kBuffer, 2 * kPageSize, kUserPage | kWritablePage);
    t.guest.map(kAlias, t.guest.physical(kBuffer), kPageSize, kUserPage | kWritablePage);
}

}  // namespace

TEST_CASE("A function is rewritten and called for every value", "[insn][smc]") {
    InsnTest t;
    map_buffer(t);
    constexpr unsigned kRounds = 500;
    t.set(kRbx, kBuffer), t.set(kRcx, kRounds);
    t.execute([](auto& a) {
        const Label again = a.newLabel();
        a.xor_(x86::edx, x86::edx);
        a.bind(again);
        a.mov(x86::byte_ptr(x86::rbx), kMovEax);
        a.mov(x86::dword_ptr(x86::rbx, 1), x86::ecx);
        a.mov(x86::byte_ptr(x86::rbx, 5), kRet);
        a.call(x86::rbx);
        a.add(x86::rdx, x86::rax);
        a.dec(x86::rcx);
        a.jnz(again);
    });
    CHECK(t.reg(kRdx) == kRounds * (kRounds + 1) / 2);
}

/// As in a boot sector: many writes to the page, none to the code.
TEST_CASE("The stack lies on the page of the code that calls and pushes", "[insn][smc]") {
    InsnTest t;
    map_buffer(t);
    constexpr unsigned kRounds = 200;
    const Gva top = kBuffer + kPageSize;
    t.set(kRbx, kBuffer), t.set(kRcx, kRounds), t.set(kRsi, top);
    // kBuffer: add eax, edx; push rax; pop rax; ret
    const u8 function[] = {0x01, 0xd0, 0x50, 0x58, kRet};
    // kBuffer + 16: again: call kBuffer; push rax; pop rdi; add r8, rdi; dec ecx; jnz again; mov rsp, r9; jmp r10
    const u8 loop[] = {0xe8, 0xeb, 0xff, 0xff, 0xff, 0x50, 0x5f, 0x49, 0x01, 0xf8, 0xff, 0xc9, 0x75, 0xf2, 0x4c, 0x89, 0xcc, 0x41, 0xff, 0xe2};
    t.execute([&](auto& a) {
        const Label back = a.newLabel();
        for (unsigned i = 0; i < sizeof function; ++i) a.mov(x86::byte_ptr(x86::rbx, static_cast<i32>(i)), function[i]);
        for (unsigned i = 0; i < sizeof loop; ++i) a.mov(x86::byte_ptr(x86::rbx, static_cast<i32>(16 + i)), loop[i]);
        a.xor_(x86::eax, x86::eax);
        a.xor_(x86::r8d, x86::r8d);
        a.mov(x86::edx, 3);
        a.mov(x86::r9, x86::rsp);
        a.lea(x86::r10, x86::ptr(back));
        a.mov(x86::rsp, x86::rsi);
        a.add(x86::rbx, 16);
        a.jmp(x86::rbx);
        a.bind(back);
        a.mov(x86::r11, x86::rsp);
    });
    CHECK(t.reg(kRax) == 3 * kRounds);
    CHECK(t.reg(kR8) == 3 * kRounds * (kRounds + 1) / 2);
    CHECK(t.reg(kR11) == t.reg(kR9));
}

TEST_CASE("A page full of code is filled anew, in turns through two mappings", "[insn][smc]") {
    InsnTest t;
    map_buffer(t);
    constexpr unsigned kRounds = 40, kIncrements = 200;
    t.set(kR8, kRounds);
    t.execute([&](auto& a) {
        const Label round = a.newLabel(), fill = a.newLabel(), other = a.newLabel();
        a.xor_(x86::eax, x86::eax);
        a.bind(round);
        a.mov(x86::rdi, kBuffer);
        a.test(x86::r8, 1);
        a.jz(other);
        a.mov(x86::rdi, kAlias);
        a.bind(other);
        a.mov(x86::ecx, kIncrements);
        a.bind(fill);
        a.mov(x86::byte_ptr(x86::rdi), 0x05);  // add eax, imm32
        a.mov(x86::dword_ptr(x86::rdi, 1), x86::r8d);
        a.add(x86::rdi, 5);
        a.dec(x86::ecx);
        a.jnz(fill);
        a.mov(x86::byte_ptr(x86::rdi), kRet);
        a.mov(x86::rbx, kBuffer);
        a.call(x86::rbx);
        a.call(x86::rbx);
        a.dec(x86::r8);
        a.jnz(round);
    });
    CHECK(t.reg(kRax) == 2 * kIncrements * kRounds * (kRounds + 1) / 2);
}

TEST_CASE("A page is known by several addresses, each of which was written through before it became code", "[insn][smc]") {
    const unsigned aliases = GENERATE(range(1u, 8u)), changed_by = GENERATE(range(0u, 7u));
    if (changed_by >= aliases) return;
    InsnTest t;
    map_buffer(t);
    for (unsigned n = 0; n < aliases; ++n)
        t.guest.map(kAlias + n * kPageSize, t.guest.physical(kBuffer), kPageSize, kUserPage | kWritablePage);
    const auto alias = [](unsigned n) { return static_cast<i64>(kAlias + n * kPageSize); };
    t.set(kRbx, kBuffer);
    t.execute([&](auto& a) {
        a.mov(x86::byte_ptr(x86::rbx), kMovEax);
        a.mov(x86::byte_ptr(x86::rbx, 5), kRet);
        for (unsigned n = 0; n < aliases; ++n) a.mov(x86::rdi, alias(n)), a.mov(x86::dword_ptr(x86::rdi, 1), 100 + n);
        a.call(x86::rbx);
        a.mov(x86::edx, x86::eax);
        a.mov(x86::rdi, alias(changed_by)), a.mov(x86::dword_ptr(x86::rdi, 1), 7);
        a.call(x86::rbx);
    });
    CHECK(t.reg(kRdx) == 100 + aliases - 1);
    CHECK(t.reg(kRax) == 7);
}

TEST_CASE("Data beside a function, in its page and over the page's borders, changes as the function does", "[insn][smc]") {
    InsnTest t;
    map_buffer(t);
    t.guest.map_new(kBuffer - kPageSize, kPageSize, kUserPage | kWritablePage);
    constexpr unsigned kRounds = 200, kFunction = 0x40, kCounter = 0x200;
    t.set(kRbx, kBuffer), t.set(kRcx, kRounds);
    t.execute([&](auto& a) {
        const Label again = a.newLabel();
        a.xor_(x86::edx, x86::edx);
        a.mov(x86::byte_ptr(x86::rbx, kFunction), kMovEax);
        a.mov(x86::byte_ptr(x86::rbx, kFunction + 5), kRet);
        a.bind(again);
        a.mov(x86::dword_ptr(x86::rbx, kFunction + 1), x86::ecx);
        a.lea(x86::rsi, x86::ptr(x86::rbx, kFunction));
        a.call(x86::rsi);
        a.add(x86::rdx, x86::rax);
        a.add(x86::qword_ptr(x86::rbx, kCounter), x86::rax);        // beside the code
        a.mov(x86::qword_ptr(x86::rbx, kFunction - 8), x86::rcx);   // right in front of it
        a.inc(x86::byte_ptr(x86::rbx, kFunction + 2));              // in it
        a.call(x86::rsi);
        a.add(x86::rdx, x86::rax);
        a.add(x86::qword_ptr(x86::rbx, -3), x86::rcx);              // over the border into it
        a.add(x86::qword_ptr(x86::rbx, kPageSize - 5), x86::rcx);   // and out of it
        a.mov(x86::rdi, x86::qword_ptr(x86::rbx, -3));
        a.dec(x86::rcx);
        a.jnz(again);
        a.mov(x86::r8, x86::qword_ptr(x86::rbx, kPageSize - 5));
        a.mov(x86::r9, x86::qword_ptr(x86::rbx, kCounter));
        a.mov(x86::r12, x86::qword_ptr(x86::rbx, kFunction - 8));
    });
    constexpr u64 kSum = kRounds * (kRounds + 1) / 2;
    CHECK(t.reg(kRdx) == 2 * kSum + 0x100 * kRounds);
    CHECK(t.reg(kR9) == kSum);
    CHECK(t.reg(kRdi) == kSum);
    CHECK(t.reg(kR8) == kSum);
    CHECK(t.reg(kR12) == 1);
}

}  // namespace twin86::test
