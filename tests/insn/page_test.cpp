// Accesses over page borders: atomic against faults, right in every width, with the second page's own mapping.
#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

namespace {
constexpr Gva kBorder = kDataAt + kPageSize;
}

TEST_CASE("Read-modify-write over a border", "[insn][page]") {
    InsnTest t;
    t.store_value(kBorder - 3, 0x00000000ffffffff);
    t.set(kR10, kBorder), t.set(kRax, 0x10);
    t.execute([](auto& a) {
        a.add(x86::qword_ptr(x86::r10, -3), x86::rax);
        a.lock().xadd(x86::dword_ptr(x86::r10, -2), x86::eax);
        a.shl(x86::word_ptr(x86::r10, -1), 4);
        a.xchg(x86::qword_ptr(x86::r10, -5), x86::rbx);
    });
    u64 expected = u64{0xffffffff} + 0x10;
    const u32 shifted = static_cast<u32>(expected >> 8);
    expected = (expected & ~(u64{0xffffffff} << 8)) | u64{shifted + 0x10} << 8;
    const u16 word = static_cast<u16>(expected >> 16);
    expected = (expected & ~(u64{0xffff} << 16)) | u64{static_cast<u16>(word << 4)} << 16;
    CHECK(t.reg(kRax) == shifted);
    CHECK(t.load_value(kBorder - 5) == 0);
    CHECK(t.reg(kRbx) == expected << 16);
}

TEST_CASE("A write whose second page faults changes nothing", "[insn][page]") {
    InsnTest t;
    const Gva end = kDataAt + kDataSize;
    t.store_value<u32>(end - 4, 0x12345678);
    t.set(kRbx, end - 4), t.set(kRax, ~u64{0});
    const auto check = [&](unsigned code) {
        CHECK(t.run().vector == kVectorPF);
        CHECK(t.last.cr2 == end);
        CHECK(t.last.error_code == code);
        CHECK(t.load_value<u32>(end - 4) == 0x12345678);
    };
    t.load([](auto& a) { a.mov(x86::qword_ptr(x86::rbx), x86::rax); });
    check(kPfUser | kPfWrite);
    t.load([](auto& a) { a.add(x86::qword_ptr(x86::rbx), x86::rax); });
    check(kPfUser | kPfWrite);
    t.load([](auto& a) { a.movups(x86::xmmword_ptr(x86::rbx), x86::xmm0); });
    check(kPfUser | kPfWrite);
    t.load([](auto& a) { a.vmovdqu64(x86::zmmword_ptr(x86::rbx), x86::zmm31); });
    if (t.guest.model().has(Feature::kAvx512f)) check(kPfUser | kPfWrite);
    t.load([](auto& a) { a.mov(x86::rax, x86::qword_ptr(x86::rbx)); });
    check(kPfUser);
}

TEST_CASE("Read-modify-write of a read-only page is a write fault before anything is read", "[insn][page]") {
    InsnTest t;
    t.set(kRbx, kCodeAt + kPageSize - 4);
    t.load([](auto& a) { a.inc(x86::qword_ptr(x86::rbx)); });
    CHECK(t.run().vector == kVectorPF);
    CHECK(t.last.error_code == (kPfUser | kPfWrite | kPfPresent));
    CHECK(t.last.cr2 == kCodeAt + kPageSize - 4);
}

TEST_CASE("Pushes and calls over a border", "[insn][page]") {
    InsnTest t;
    t.set(kRsp, kBorder + 4), t.set(kRbp, 0x1122334455667788);
    t.execute([](auto& a) {
        Label f = a.newLabel(), out = a.newLabel();
        a.push(x86::rbp);
        a.pop(x86::r11);
        a.call(f);
        a.jmp(out);
        a.bind(f);
        a.mov(x86::rax, x86::qword_ptr(x86::rsp));
        a.ret();
        a.bind(out);
    });
    CHECK(t.reg(kR11) == 0x1122334455667788);
    CHECK(t.reg(kRsp) == kBorder + 4);
    CHECK(t.reg(kRax) > kCodeAt);
    CHECK(t.load_value(kBorder - 4) == t.reg(kRax));
}

TEST_CASE("Vectors of 16 to 64 bytes over a border", "[insn][page]") {
    InsnTest t;
    if (!t.guest.model().has(Feature::kAvx512f)) return;
    for (unsigned i = 0; i < 64; ++i) t.store_value<u8>(kBorder - 30 + i, static_cast<u8>(i + 1));
    t.set(kRbx, kBorder);
    t.execute([](auto& a) {
        a.vmovdqu64(x86::zmm20, x86::zmmword_ptr(x86::rbx, -30));
        a.vmovdqu(x86::ymm3, x86::ymmword_ptr(x86::rbx, -30));
        a.movdqu(x86::xmm4, x86::xmmword_ptr(x86::rbx, -7));
        a.vmovdqu64(x86::zmmword_ptr(x86::rbx, kPageSize - 1), x86::zmm20);
        a.vmovdqu(x86::ymmword_ptr(x86::rbx, 0x200), x86::ymm3);
        a.movdqu(x86::xmmword_ptr(x86::rbx, 0x300), x86::xmm4);
    });
    for (unsigned i = 0; i < 64; ++i) REQUIRE(t.load_value<u8>(kBorder + kPageSize - 1 + i) == i + 1);
    CHECK(t.load_value(kBorder + 0x218) == t.load_value(kBorder - 6));
    CHECK(t.load_value(kBorder + 0x300) == t.load_value(kBorder - 7));
}

TEST_CASE("An aligned move off its alignment is #GP, mapped or not", "[insn][page]") {
    InsnTest t;
    t.load([](auto& a) { a.movaps(x86::xmm1, x86::xmmword_ptr(x86::rbx)); });
    for (const Gva at : {kDataAt + 8, kBorder - 8, kDataAt + kDataSize - 8, Gva{0x30'0008}}) {
        t.set(kRbx, at);
        INFO("address " << std::hex << at);
        CHECK(t.run().vector == kVectorGP);
    }
}

TEST_CASE("Masked-off lanes over the end of memory do not fault", "[insn][page]") {
    InsnTest t;
    if (!t.guest.model().has(Feature::kAvx512f)) return;
    const Gva end = kDataAt + kDataSize;
    t.store_value<u32>(end - 4, 0xabcd);
    t.set(kRbx, end - 4), t.set(kRax, 1);
    t.execute([](auto& a) {
        a.kmovw(x86::k1, x86::eax);
        a.k(x86::k1).z().vmovdqu32(x86::zmm1, x86::zmmword_ptr(x86::rbx));
        a.vmovd(x86::ecx, x86::xmm1);
        a.add(x86::ecx, 1);
        a.vmovd(x86::xmm1, x86::ecx);
        a.k(x86::k1).vmovdqu32(x86::zmmword_ptr(x86::rbx), x86::zmm1);
    });
    CHECK(t.load_value<u32>(end - 4) == 0xabce);
    t.set(kRax, 3);
    t.run();
    CHECK(t.last.vector == kVectorPF);
    CHECK(t.last.cr2 == end);
}

TEST_CASE("Changed page tables count after the TLB is flushed", "[insn][page]") {
    InsnTest t;
    t.set(kRbx, kDataAt);
    t.execute([](auto& a) { a.mov(x86::qword_ptr(x86::rbx), 77); });
    const Gpa old = t.guest.physical(kDataAt);
    t.guest.map(kDataAt, t.guest.allocate(1), kPageSize, kUserPage | kWritablePage);
    t.execute([](auto& a) {
        a.mov(x86::rax, x86::qword_ptr(x86::rbx));
        a.mov(x86::qword_ptr(x86::rbx), 88);
    });
    CHECK(t.reg(kRax) == 0);
    CHECK(*reinterpret_cast<u64*>(t.guest.phys().ram().base() + old) == 77);
}

}  // namespace twin86::test
