// High bytes, REX byte registers, bit strings, and flags that must outlive memory accesses.
#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

TEST_CASE("High bytes with RSP and RBP, which live in registers that need REX on the host", "[insn][registers]") {
    InsnTest t;
    t.set(kRax, 0xab00), t.set(kRbx, 0xcd00), t.set(kRbp, kDataAt);
    t.store_value<u8>(kDataAt + 4, 0x11);
    t.execute([](auto& a) {
        a.add(x86::ah, x86::byte_ptr(x86::rbp, 4));
        a.mov(x86::byte_ptr(x86::rbp, 5), x86::bh);
        a.mov(x86::byte_ptr(x86::rsp, -1), x86::ah);
        a.movzx(x86::ebp, x86::ah);
        a.movsx(x86::edi, x86::bh);
        a.xchg(x86::ah, x86::al);
        a.mov(x86::ch, x86::bh);
        a.cmp(x86::ch, x86::bh);
    });
    CHECK(t.reg(kRbp) == 0xbc);
    CHECK(t.reg(kRdi) == 0xffffffcd);
    CHECK(t.reg(kRax) == 0x00bc);
    CHECK(t.reg(kRcx) == 0xcd00);
    CHECK(t.load_value<u8>(kDataAt + 5) == 0xcd);
    CHECK(t.load_value<u8>(kStackTop - 1) == 0xbc);
    CHECK(t.flags() == (kFlagZF | kFlagPF));
}

TEST_CASE("SPL, BPL, SIL, DIL and R10B", "[insn][registers]") {
    InsnTest t;
    t.set(kRbp, 0x1100), t.set(kRsi, 0x2200), t.set(kR10, 0x3300), t.set(kR15, 0xff);
    t.execute([](auto& a) {
        a.mov(x86::bpl, 0x44);
        a.mov(x86::sil, x86::bpl);
        a.add(x86::r10b, x86::sil);
        a.mov(x86::spl, x86::r15b);
        a.mov(x86::r11d, x86::esp);
    });
    CHECK(t.reg(kRbp) == 0x1144);
    CHECK(t.reg(kRsi) == 0x2244);
    CHECK(t.reg(kR10) == 0x3344);
    CHECK(t.reg(kR11) == (kStackTop | 0xff));
}

// R10, R11 and R15 live in memory; the address temporary may still hold one of them (emit_regs.cpp, hold).
TEST_CASE("A register that was used as an address and has changed since is used anew", "[insn][registers]") {
    const auto changed = [](auto&& change, u64 by) {
        InsnTest t;
        for (u64 n = 0; n < 8; ++n) t.store_value<u64>(kDataAt + n * 8, 0x100 + n);
        t.store_value<u64>(kDataAt + 72, kDataAt + 40);
        t.set(kR11, kDataAt), t.set(kR10, kDataAt + 8), t.set(kR15, kDataAt + 16), t.set(kRdx, kDataAt + 24), t.set(kRbx, 8);
        t.execute([&](auto& a) {
            a.push(x86::rdx);
            a.mov(x86::rax, x86::ptr(x86::rsp));  // windows are there now
            a.mov(x86::rax, x86::ptr(x86::r11));  // rbp holds R11
            change(a);
            a.mov(x86::rsi, x86::ptr(x86::r11));
            a.mov(x86::rdi, x86::r11);
        });
        CHECK(t.reg(kRax) == 0x100);
        CHECK(t.reg(kRdi) == kDataAt + by);
        CHECK(t.reg(kRsi) == 0x100 + by / 8);
    };
    changed([](auto& a) { a.add(x86::r11, 8); }, 8);
    changed([](auto& a) { a.add(x86::r11, x86::rbx); }, 8);
    changed([](auto& a) { a.mov(x86::r11, x86::r15); }, 16);
    changed([](auto& a) { a.xchg(x86::r11, x86::r10); }, 8);
    changed([](auto& a) { a.xchg(x86::rdx, x86::r11); }, 24);
    changed([](auto& a) { a.pop(x86::r11); }, 24);
    changed([](auto& a) { a.lea(x86::r11, x86::ptr(x86::r10, x86::rbx)); }, 16);
    changed([](auto& a) { a.lea(x86::r11, x86::ptr(x86::r11, x86::rbx, 1)); }, 16);
    changed([](auto& a) { a.mov(x86::r11w, x86::dx); }, 24);
    changed([](auto& a) { a.mov(x86::r11b, x86::r10b); }, 8);
    changed([](auto& a) { a.mov(x86::r11, x86::ptr(x86::rsp)); }, 24);
    changed([](auto& a) { a.cmove(x86::r11, x86::r10); a.cmovne(x86::r11, x86::r10); }, 8);
    changed([](auto& a) { a.mov(x86::rcx, x86::ptr(x86::r15)); a.mov(x86::rcx, x86::ptr(x86::rdx, x86::rbx)); a.add(x86::r10, x86::rbx); }, 0);
    changed([](auto& a) { a.mov(x86::rcx, x86::ptr(x86::rip)); }, 0);
    changed([](auto& a) { a.mov(x86::r11, x86::ptr(x86::r11, 72)); }, 40);
    changed([](auto& a) { a.push(x86::r10); a.movzx(x86::r10d, x86::byte_ptr(x86::r11)); a.inc(x86::r15); a.pop(x86::r15); }, 0);
    changed([](auto& a) { a.mulx(x86::r10, x86::rcx, x86::r15); a.lea(x86::r11, x86::ptr(x86::r11, 8)); }, 8);
}

TEST_CASE("32-bit writes clear the upper half of every register, 16-bit ones keep it", "[insn][registers]") {
    InsnTest t;
    for (unsigned r = 0; r < 16; ++r)
        if (r != kRsp) t.set(static_cast<Gpr>(r), ~u64{0});
    t.execute([](auto& a) {
        for (unsigned r = 0; r < 16; ++r) {
            if (r == kRsp) continue;
            if (r % 2) a.mov(x86::gpd(r), 5);
            else a.mov(x86::gpw(r), 5);
        }
    });
    for (unsigned r = 0; r < 16; ++r)
        if (r != kRsp) CHECK(t.reg(static_cast<Gpr>(r)) == (r % 2 ? 5 : 0xffff'ffff'ffff'0005));
}

TEST_CASE("Three memory-resident registers in one instruction", "[insn][registers]") {
    InsnTest t;
    t.set(kR10, kDataAt), t.set(kR11, 8), t.set(kR15, 0x1234);
    t.store_value(kDataAt + 32, 0x1000);
    t.execute([](auto& a) {
        a.add(x86::r15, x86::qword_ptr(x86::r10, x86::r11, 2));
        a.xadd(x86::qword_ptr(x86::r10, x86::r11, 2), x86::r15);
        a.andn(x86::r11, x86::r10, x86::r15);
        a.mulx(x86::r10, x86::r15, x86::r11);
    });
    CHECK(t.load_value(kDataAt + 32) == 0x1000 + 0x2234);
    CHECK(t.reg(kR11) == (~kDataAt & 0x1000));
    CHECK(t.reg(kR15) == 0);
    CHECK(t.reg(kR10) == 0);
}

TEST_CASE("BT and kin reach far beyond their operand", "[insn][registers]") {
    InsnTest t;
    const Gva middle = kDataAt + 2 * kPageSize;
    t.set(kRbx, middle);
    t.set(kR10, static_cast<u64>(-static_cast<i64>(2 * kPageSize * 8)));  // the first bit of the data
    t.set(kR11, kPageSize * 8 + 3);
    t.set(kRcx, static_cast<u32>(-7));
    t.store_value<u8>(kDataAt, 1);
    t.execute([](auto& a) {
        a.bt(x86::qword_ptr(x86::rbx), x86::r10);
        a.setc(x86::al);
        a.lock().bts(x86::qword_ptr(x86::rbx), x86::r11);
        a.setc(x86::ah);
        a.btc(x86::dword_ptr(x86::rbx), x86::ecx);
        a.btr(x86::word_ptr(x86::rbx), x86::r10w);  // 16 bits of it: 0, the operand itself
    });
    CHECK(t.reg(kRax) == 1);
    CHECK(t.load_value<u8>(middle + kPageSize) == 8);
    CHECK(t.load_value<u32>(middle - 4) == 1u << 25);
    CHECK(t.reg(kRbx) == middle);
}

TEST_CASE("BTS far away into nothing: the fault names the address", "[insn][registers]") {
    InsnTest t;
    t.set(kRbx, kDataAt);
    t.set(kRax, 0x4000'0000'0000);
    t.load([](auto& a) { a.bts(x86::qword_ptr(x86::rbx), x86::rax); });
    CHECK(t.run().vector == kVectorPF);
    CHECK(t.last.cr2 == kDataAt + 0x800'0000'0000);
    CHECK(t.last.error_code == (kPfUser | kPfWrite));
}

TEST_CASE("Carry chains through memory operands", "[insn][flags]") {
    InsnTest t;
    for (unsigned i = 0; i < 8; ++i) t.store_value(kDataAt + i * 8, ~u64{0}), t.store_value(kDataAt + 64 + i * 8, u64{0});
    t.execute([](auto& a) {
        a.mov(x86::ebx, kDataAt);
        a.mov(x86::ecx, 8);
        a.stc();
        Label next = a.newLabel();
        a.bind(next);
        a.mov(x86::rax, x86::qword_ptr(x86::rbx));
        a.adc(x86::rax, x86::qword_ptr(x86::rbx, 64));
        a.adc(x86::qword_ptr(x86::rbx, 128), 0);
        a.mov(x86::qword_ptr(x86::rbx), x86::rax);
        a.lea(x86::rbx, x86::ptr(x86::rbx, 8));
        a.push(x86::rbx), a.pop(x86::rdx);
        a.mov(x86::edi, x86::dword_ptr(kDataAt + 3 * kPageSize - 2));  // a page crossing in between
        a.cmc(), a.cmc();
        a.dec(x86::ecx);
        a.jnz(next);
        a.setc(x86::sil);
    });
    // The first element carries into the third row, which stops the carry.
    CHECK(t.load_value(kDataAt) == 0);
    CHECK(t.load_value(kDataAt + 128) == 1);
    for (unsigned i = 1; i < 8; ++i) CHECK(t.load_value(kDataAt + i * 8) == ~u64{0});
    CHECK((t.reg(kRsi) & 0xff) == 0);
}

TEST_CASE("All arithmetic flags live over loads, stores, pushes, string instructions and TLB misses", "[insn][flags]") {
    for (const u64 flags : {u64{0}, u64{kFlagsArithmetic}, u64{kFlagCF | kFlagSF}, u64{kFlagOF | kFlagZF | kFlagAF}, u64{kFlagPF}}) {
        InsnTest t;
        t.set_flags(flags);
        t.set(kRbx, kDataAt), t.set(kRcx, 100), t.set(kRdi, kDataAt + kPageSize), t.set(kRsi, kDataAt + 2 * kPageSize);
        t.execute([](auto& a) {
            a.mov(x86::rax, x86::qword_ptr(x86::rbx));
            a.mov(x86::qword_ptr(x86::rbx, kPageSize - 4), x86::rax);
            a.push(x86::rax);
            a.pop(x86::r10);
            a.rep().movsb();
            a.lodsd();
            a.stosq();
            a.xlatb();
            a.movups(x86::xmm0, x86::xmmword_ptr(x86::rbx));
            a.lea(x86::r10, x86::ptr(x86::r10, x86::r15, 1));
            a.not_(x86::dword_ptr(x86::rbx));
            a.xchg(x86::qword_ptr(x86::rbx), x86::rdx);
            Label next = a.newLabel();
            a.jmp(next);
            a.bind(next);
            a.call(next = a.newLabel());
            a.bind(next);
            a.pop(x86::r11);
        });
        CHECK(t.flags() == flags);
    }
}

TEST_CASE("INC and DEC of memory keep carry, rotates through carry use it", "[insn][flags]") {
    InsnTest t;
    t.set_flags(kFlagCF);
    t.set(kRbx, kDataAt);
    t.store_value<u32>(kDataAt, 0xffffffff);
    t.store_value<u32>(kDataAt + 4, 0x80000000);
    t.execute([](auto& a) {
        a.inc(x86::dword_ptr(x86::rbx));
        a.rcl(x86::dword_ptr(x86::rbx, 4), 1);
        a.setc(x86::al);
        a.rcr(x86::dword_ptr(x86::rbx, 4), 1);
    });
    CHECK(t.load_value<u32>(kDataAt) == 0);
    CHECK(t.load_value<u32>(kDataAt + 4) == 0x80000000);
    CHECK(t.reg(kRax) == 1);
    CHECK((t.flags() & kFlagCF) == kFlagCF);
}

TEST_CASE("MULX with two destinations and a base that live in memory", "[insn][register]") {
    InsnTest t;
    t.store_value<u64>(kDataAt, 0x1234'5678'9abc'def0);
    t.set(kR11, kDataAt), t.set(kRdx, 0x1'0000);
    t.execute([](auto& a) { a.mulx(x86::r15, x86::r10, x86::qword_ptr(x86::r11)); });
    CHECK(t.reg(kR10) == 0x5678'9abc'def0'0000);
    CHECK(t.reg(kR15) == 0x1234);
}

}  // namespace twin86::test
