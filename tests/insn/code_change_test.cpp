// Self-modifying code: the very next instruction, other pages, aliases, string instructions, and bus masters.
#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

namespace {

/// Makes the code pages writable.
void open_code(InsnTest& t) { t.guest.map(kCodeAt, t.guest.physical(kCodeAt), kCodeSize, kUserPage | kWritablePage); }

}  // namespace

TEST_CASE("A store into the instruction behind it is seen at once", "[insn][smc]") {
    InsnTest t;
    open_code(t);
    t.execute([](auto& a) {
        Label patched = a.newLabel();
        a.mov(x86::ecx, 100);
        Label loop = a.newLabel();
        a.bind(loop);
        a.mov(x86::dword_ptr(patched, 1), x86::ecx);
        a.bind(patched);
        a.mov(x86::edx, 0x12345678);  // its immediate becomes ecx
        a.add(x86::eax, x86::edx);
        a.dec(x86::ecx);
        a.jnz(loop);
    });
    CHECK(t.reg(kRax) == 5050);
}

TEST_CASE("An undefined instruction is defined by a store to its second byte", "[insn][smc]") {
    InsnTest t;
    open_code(t);
    const Gva undefined = kCodeAt + 0x200;
    t.load([&](auto& a) { a.jmp(undefined); });
    t.load_bytes(std::array<u8, 4>{0x0f, 0x04, 0xc0, 0xcc}, undefined);
    CHECK(t.run().vector == kVectorUD);
    CHECK(t.last.rip == undefined);
    t.execute([&](auto& a) {
        a.mov(x86::byte_ptr(undefined + 1), 0x1f);  // NOP r/m
        a.jmp(undefined);
    });
    CHECK(t.last.rip == undefined + 4);
}

TEST_CASE("A read-modify-write and a string instruction into code of the same block", "[insn][smc]") {
    InsnTest t;
    open_code(t);
    t.execute([](auto& a) {
        Label first = a.newLabel(), second = a.newLabel();
        a.add(x86::byte_ptr(first, 1), 1);
        a.bind(first);
        a.mov(x86::eax, 0x10);
        a.lea(x86::rdi, x86::ptr(second, 1));
        a.push(x86::rax);
        a.mov(x86::al, 0x55);
        a.stosb();
        a.pop(x86::rax);
        a.bind(second);
        a.mov(x86::ebx, 0x20);
    });
    CHECK(t.reg(kRax) == 0x11);
    CHECK(t.reg(kRbx) == 0x55);
}

TEST_CASE("Code in another page is changed while a chain of blocks leads there", "[insn][smc]") {
    InsnTest t;
    open_code(t);
    const Gva function = kCodeAt + kPageSize;
    t.load([](auto& a) { a.add(x86::eax, 1), a.ret(); }, function);
    t.execute([&](auto& a) {
        Label loop = a.newLabel();
        a.mov(x86::ecx, 200);
        a.bind(loop);
        a.call(function);
        a.cmp(x86::ecx, 100);
        Label skip = a.newLabel();
        a.jne(skip);
        a.mov(x86::byte_ptr(function + 2), 3);
        a.bind(skip);
        a.dec(x86::ecx);
        a.jnz(loop);
    });
    CHECK(t.reg(kRax) == 101 + 99 * 3);
}

TEST_CASE("A write through another mapping of the same physical page", "[insn][smc]") {
    InsnTest t;
    const Gva alias = 0xa0'0000;
    t.guest.map(alias, t.guest.physical(kCodeAt), kPageSize, kUserPage | kWritablePage);
    t.set(kRbx, alias);
    t.execute([](auto& a) {
        Label patched = a.newLabel(), start = a.newLabel();
        a.bind(start);
        a.mov(x86::byte_ptr(x86::rbx, 5), 7);  // 4 bytes long: the immediate of the next instruction is at 5
        a.bind(patched);
        a.mov(x86::eax, 1);
    });
    CHECK(t.reg(kRax) == 7);
}

TEST_CASE("A page-crossing store whose second half changes code", "[insn][smc]") {
    InsnTest t;
    const Gva function = kDataAt + kPageSize;
    t.guest.map(kDataAt, t.guest.physical(kDataAt), kDataSize, kUserPage | kWritablePage);
    t.load([](auto& a) { a.mov(x86::eax, 5), a.ret(); }, function);
    t.set(kRbx, function);
    t.execute([&](auto& a) {
        a.call(x86::rbx);
        a.mov(x86::esi, x86::eax);
        a.mov(x86::rdx, 0x09b8'0000'0000'0000);  // bytes 6 and 7: b8 09
        a.mov(x86::qword_ptr(x86::rbx, -6), x86::rdx);
        a.call(x86::rbx);
    });
    CHECK(t.reg(kRsi) == 5);
    CHECK(t.reg(kRax) == 9);
}

TEST_CASE("Code straddling two pages, its second half changed", "[insn][smc]") {
    InsnTest t;
    open_code(t);
    const Gva at = kCodeAt + 2 * kPageSize - 2;
    t.load([](auto& a) { a.mov(x86::eax, 0x01010101), a.ret(); }, at);
    t.execute([&](auto& a) {
        a.call(at);
        a.mov(x86::esi, x86::eax);
        a.mov(x86::byte_ptr(at + 3), 2);
        a.call(at);
        a.mov(x86::edi, x86::eax);
        a.mov(x86::byte_ptr(at + 1), 3);
        a.call(at);
    });
    CHECK(t.reg(kRsi) == 0x01010101);
    CHECK(t.reg(kRdi) == 0x01020101);
    CHECK(t.reg(kRax) == 0x01020103);
}

TEST_CASE("Data and code in one page: stores beside the code keep working", "[insn][smc]") {
    InsnTest t;
    open_code(t);
    t.set(kRbx, kCodeAt + 0x800);
    t.execute([](auto& a) {
        Label loop = a.newLabel();
        a.mov(x86::ecx, 5000);
        a.bind(loop);
        a.inc(x86::dword_ptr(x86::rbx));
        a.dec(x86::ecx);
        a.jnz(loop);
    });
    CHECK(t.load_value<u32>(kCodeAt + 0x800) == 5000);
}

TEST_CASE("A bus master writes code between two runs", "[insn][smc]") {
    InsnTest t;
    t.execute([](auto& a) { a.mov(x86::eax, 1); });
    CHECK(t.reg(kRax) == 1);
    const u8 two = 2;
    CHECK(t.guest.phys().dma_write(t.guest.physical(kCodeAt + 1), {&two, 1}));
    CHECK(t.run().vector == kVectorBP);
    CHECK(t.reg(kRax) == 2);
}

namespace {

/// Branches that are not taken, more than one block goes on behind: the next block follows in place of a jump.
void end_block(x86::Assembler& a, const Label& never) {
    a.test(x86::esp, x86::esp);
    for (unsigned n = 0; n < 16; ++n) a.jz(never);
}

}  // namespace

TEST_CASE("Code is changed that another block falls through into", "[insn][smc]") {
    InsnTest t;
    open_code(t);
    t.execute([](auto& a) {
        const Label loop = a.newLabel(), patched = a.newLabel(), never = a.newLabel();
        a.mov(x86::ecx, 100);
        a.bind(loop);
        a.mov(x86::dword_ptr(patched, 1), x86::ecx);
        end_block(a, never);
        a.bind(patched);
        a.mov(x86::edx, 0x12345678);  // its immediate becomes ecx
        a.add(x86::eax, x86::edx);
        end_block(a, never);
        a.dec(x86::ecx);
        a.jnz(loop);
        a.bind(never);
    });
    CHECK(t.reg(kRax) == 5050);
}

TEST_CASE("Code is changed that falls through into another block", "[insn][smc]") {
    InsnTest t;
    open_code(t);
    t.execute([](auto& a) {
        const Label loop = a.newLabel(), patched = a.newLabel(), never = a.newLabel();
        a.mov(x86::ecx, 100);
        a.bind(loop);
        a.bind(patched);
        a.mov(x86::edx, 100);  // its immediate becomes ecx
        a.add(x86::eax, x86::edx);
        end_block(a, never);
        a.dec(x86::ecx);
        a.mov(x86::dword_ptr(patched, 1), x86::ecx);
        end_block(a, never);
        a.test(x86::ecx, x86::ecx);
        a.jnz(loop);
        a.bind(never);
    });
    CHECK(t.reg(kRax) == 5050);
}

TEST_CASE("Two blocks are changed at once, one of which falls through into the other", "[insn][smc]") {
    InsnTest t;
    open_code(t);
    t.execute([](auto& a) {
        const Label loop = a.newLabel(), change = a.newLabel(), first = a.newLabel(), second = a.newLabel(), never = a.newLabel();
        a.mov(x86::ecx, 100);
        a.jmp(change);
        a.bind(loop);
        a.bind(first);
        a.mov(x86::edx, 0);
        a.add(x86::eax, x86::edx);
        end_block(a, never);
        a.bind(second);
        a.mov(x86::edx, 0);
        a.add(x86::ebx, x86::edx);
        a.dec(x86::ecx);
        a.bind(change);
        a.mov(x86::dword_ptr(second, 1), x86::ecx);
        a.mov(x86::dword_ptr(first, 1), x86::ecx);
        a.test(x86::ecx, x86::ecx);
        a.jnz(loop);
        a.bind(never);
    });
    CHECK(t.reg(kRax) == 5050);
    CHECK(t.reg(kRbx) == 5050);
}

TEST_CASE("Two address spaces that show the same code page beside different pages", "[insn][smc]") {
    // A position-independent block falls through into the next page: which one depends on the mapping. Often enough for
    // a link that is made anew each time to become a look-up.
    static constexpr u32 kRounds = 2 * jit::ChainSite::kMostRelinks;
    InsnTest t;
    const Gva a_space = 0xb0'0000, b_space = 0xc0'0000;
    const Gpa shared = t.guest.allocate(1), next_a = t.guest.allocate(1), next_b = t.guest.allocate(1);
    for (const auto& [base, next] : {std::pair{a_space, next_a}, {b_space, next_b}}) {
        t.guest.map(base, shared, kPageSize, kUserPage | kWritablePage);
        t.guest.map(base + kPageSize, next, kPageSize, kUserPage | kWritablePage);
    }
    const u8 jump[] = {0xe9, 0, 0, 0, 0};  // to the start of the next page
    t.guest.write(a_space + kPageSize - 5, jump);
    t.load([](auto& a) { a.add(x86::eax, 1), a.ret(); }, a_space + kPageSize);
    t.load([](auto& a) { a.add(x86::eax, 0x100), a.ret(); }, b_space + kPageSize);
    t.set(kRbx, a_space + kPageSize - 5), t.set(kRcx, b_space + kPageSize - 5);
    t.execute([](auto& a) {
        Label loop = a.newLabel();
        a.mov(x86::edx, kRounds);
        a.bind(loop);
        a.call(x86::rbx);
        a.call(x86::rcx);
        a.dec(x86::edx);
        a.jnz(loop);
    });
    CHECK(t.reg(kRax) == kRounds * 0x101);
}

// What writes and has more to do behind that, with a stack that lies in its own block.

TEST_CASE("PUSH over what follows it", "[insn][smc]") {
    InsnTest t;
    open_code(t);
    t.set(kRbx, 0x9090'9000'0000'00be);  // mov esi, 0; nop; nop, and ecx goes into the immediate
    t.execute([](auto& a) {
        const Label loop = a.newLabel(), patched = a.newLabel();
        a.mov(x86::ecx, 500);
        a.bind(loop);
        a.mov(x86::rdx, x86::rcx);
        a.shl(x86::rdx, 8);
        a.add(x86::rdx, x86::rbx);
        a.lea(x86::rsp, x86::ptr(patched, 8));
        a.push(x86::rdx);
        a.bind(patched);
        for (unsigned n = 0; n < 8; ++n) a.nop();
        a.add(x86::eax, x86::esi);
        a.lea(x86::rdi, x86::ptr(patched));
        a.sub(x86::rdi, x86::rsp);
        a.or_(x86::r8, x86::rdi);
        a.dec(x86::ecx);
        a.jnz(loop);
    });
    CHECK(t.reg(kRax) == 500 * 501 / 2);
    CHECK(t.reg(kR8) == 0);
}

TEST_CASE("POP to what follows it", "[insn][smc]") {
    InsnTest t;
    open_code(t);
    t.set(kRsp, kDataAt);
    for (unsigned n = 0; n < 100; ++n) t.store_value<u64>(kDataAt + n * 8, 0x9090'9000'0000'00be + (n << 8));
    t.execute([](auto& a) {
        const Label loop = a.newLabel(), patched = a.newLabel();
        a.mov(x86::ecx, 100);
        a.bind(loop);
        a.pop(x86::qword_ptr(patched));
        a.bind(patched);
        for (unsigned n = 0; n < 8; ++n) a.nop();
        a.add(x86::eax, x86::esi);
        a.dec(x86::ecx);
        a.jnz(loop);
    });
    CHECK(t.reg(kRax) == 4950);
    CHECK(t.reg(kRsp) == kDataAt + 800);
}

TEST_CASE("CALL whose return address lands in its own block", "[insn][smc]") {
    InsnTest t;
    open_code(t);
    const Gva function = kCodeAt + 0x800;
    const bool direct = GENERATE(true, false);
    t.load([](auto& a) { a.inc(x86::eax), a.pop(x86::rdx), a.jmp(x86::rdx); }, function);
    t.set(kRbx, 0x9090909090909090);
    t.set(kRsi, function);
    t.execute([&](auto& a) {
        const Label loop = a.newLabel(), patched = a.newLabel();
        a.mov(x86::ecx, 100);
        a.bind(loop);
        a.mov(x86::qword_ptr(patched), x86::rbx);
        a.bind(patched);
        for (unsigned n = 0; n < 8; ++n) a.nop();
        a.lea(x86::rsp, x86::ptr(patched, 8));
        if (direct) a.call(function);
        else a.call(x86::rsi);
        a.lea(x86::rdi, x86::ptr(patched, 8));
        a.sub(x86::rdi, x86::rsp);
        a.or_(x86::r8, x86::rdi);
        a.dec(x86::ecx);
        a.jnz(loop);
    });
    CHECK(t.reg(kRax) == 100);
    CHECK(t.reg(kR8) == 0);
}

}  // namespace twin86::test
