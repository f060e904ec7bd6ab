// Where no instruction can be: beyond the limit of CS, at addresses that are not canonical. SDM vol. 2, JMP, CALL, RET,
// LOOP: #GP(0) at the branch, which has then done nothing; vol. 3, 5.3: #GP(0) at an instruction over the limit.
#include "tests/insn/segment_rig.h"

namespace twin86::test {

using namespace asmjit;

namespace {

constexpr u32 kLimit = 0xff;
constexpr u32 kSp = 0x2000;

/// 32-bit code in a segment at kCodeAt that ends at kLimit.
void go(SegmentRig& t, u64 eip = 0) {
    CpuState& s = t.prepare(eip);
    s.segment[kCs].base = kCodeAt, s.segment[kCs].limit = kLimit;
    s.segment[kSs].base = kStackAt;
    s.gpr[kRsp] = kSp, s.gpr[kRcx] = 5, s.gpr[kRax] = kLimit + 1, s.gpr[kRbx] = kSp;
    t.go();
}

}  // namespace

TEST_CASE("Branches beyond the limit of CS fault themselves", "[insn][branch]") {
    struct Case {
        const char* what;
        std::vector<u8> bytes;
        u64 rip;
    };
    const Case cases[] = {
        {"jmp rel32", {0xe9, 0x00, 0x01, 0, 0}, 0},
        {"jz rel32", {0x39, 0xc0, 0x0f, 0x84, 0x00, 0x01, 0, 0, 0xcc}, 2},
        {"call rel32", {0xe8, 0x00, 0x01, 0, 0}, 0},
        {"jmp eax", {0xff, 0xe0}, 0},
        {"call rel16", {0x66, 0xe8, 0xfc, 0x00}, 0},
        {"call eax", {0xff, 0xd0}, 0},
        {"call ax", {0x66, 0xff, 0xd0}, 0},
        {"call [ss:ebx]", {0x36, 0xff, 0x13}, 0},
        {"ret", {0xc3}, 0},
        {"ret 8", {0xc2, 0x08, 0x00}, 0},
        {"loop", {0x90, 0xe2, 0xf0}, 1},  // to a negative EIP
        {"push; ret", {0x50, 0xc3}, 1},
    };
    for (const Case& c : cases) {
        INFO(c.what);
        SegmentRig t;
        t.load_bytes(c.bytes);
        t.store_value<u32>(kStackAt + kSp, kLimit + 1);
        t.store_value<u32>(kStackAt + kSp - 4, 0x12345678);
        go(t);
        CHECK(t.last.vector == kVectorGP);
        CHECK(t.last.error_code == 0);
        CHECK(t.last.rip == c.rip);
        CHECK(t.last.rsp == (c.bytes[0] == 0x50 ? kSp - 4 : kSp));
        CHECK(t.guest.state().gpr[kRcx] == 5);
        CHECK(t.load_value<u32>(kStackAt + kSp - 4) == (c.bytes[0] == 0x50 ? kLimit + 1 : 0x12345678));
    }
}

TEST_CASE("CALL within a limit of CS keeps flags and registers", "[insn][branch]") {
    SegmentRig t;
    t.load_bytes(std::array<u8, 4>{0xf9, 0xff, 0xd0, 0xcc});  // stc; call eax
    t.load_bytes(std::array<u8, 1>{0xcc}, kCodeAt + kLimit);
    CpuState& s = t.prepare(0);
    s.segment[kCs].base = kCodeAt, s.segment[kCs].limit = kLimit;
    s.segment[kSs].base = kStackAt;
    s.gpr[kRsp] = kSp, s.gpr[kRcx] = 5, s.gpr[kRax] = kLimit;
    t.go();
    CHECK(t.last.vector == kVectorBP);
    CHECK(t.last.rip == kLimit + 1);
    CHECK(t.last.rsp == kSp - 4);
    CHECK((t.last.rflags & kFlagCF) != 0);
    CHECK(t.guest.state().gpr[kRcx] == 5);
    CHECK(t.load_value<u32>(kStackAt + kSp - 4) == 3);
}

TEST_CASE("Instructions at the limit of CS", "[insn][branch]") {
    SegmentRig t;
    for (unsigned i = 0; i <= kLimit + 4; ++i) t.store_value<u8>(kCodeAt + i, 0x90);
    go(t);  // runs on over the limit
    CHECK(t.last.vector == kVectorGP);
    CHECK(t.last.rip == kLimit + 1);
    t.load_bytes(std::array<u8, 3>{0xb8, 1, 0}, kCodeAt + kLimit - 2);  // mov eax, imm32: five bytes
    go(t);
    CHECK(t.last.vector == kVectorGP);
    CHECK(t.last.rip == kLimit - 2);
    t.load_bytes(std::array<u8, 1>{0xcc}, kCodeAt + kLimit);
    go(t, kLimit);
    CHECK(t.last.vector == kVectorBP);
}

TEST_CASE("The same code under another limit", "[insn][branch]") {
    SegmentRig t;
    t.load_bytes(std::array<u8, 3>{0xeb, 0x20, 0x90});
    t.load_bytes(std::array<u8, 1>{0xcc}, kCodeAt + 0x22);
    for (const u32 limit : {0x22u, 0x21u, 0xffffffffu, 0x20u, 0x22fffu}) {
        CpuState& s = t.prepare(0);
        s.segment[kCs].base = kCodeAt, s.segment[kCs].limit = limit;
        t.go();
        CHECK(t.last.vector == (limit >= 0x22 ? kVectorBP : kVectorGP));
        CHECK(t.last.rip == (limit >= 0x22 ? 0x23 : 0));
    }
}

TEST_CASE("Branches to addresses that are not canonical", "[insn][branch]") {
    constexpr u64 kBad = u64{1} << 47;
    const std::function<void(InsnTest::Assembler&)> programs[] = {
        [](auto& a) { a.jmp(x86::rax); },
        [](auto& a) { a.call(x86::rax); },
        [](auto& a) { a.ret(); },
        [](auto& a) { a.ret(16); },
        [](auto& a) { a.jmp(x86::qword_ptr(x86::rsp)); },
        [](auto& a) { a.call(x86::qword_ptr(x86::rsp)); },
    };
    for (const auto& program : programs) {
        for (const bool user : {false, true}) {
            InsnTest t;
            t.load(program);
            t.store_value<u64>(kStackTop - 0x100, kBad);
            t.set(kRax, kBad), t.set(kRsp, kStackTop - 0x100);
            t.run(user);
            CHECK(t.last.vector == kVectorGP);
            CHECK(t.last.error_code == 0);
            CHECK(t.last.rip == kCodeAt);
            CHECK(t.last.rsp == kStackTop - 0x100);
        }
    }
}

// Look-ups compare whole RIPs: whatever the upper bits, ring 3 must not come to what is there for ring 0, nor to an entry
// without contents.
TEST_CASE("Branches to non-canonical addresses find nothing that is there for other modes", "[insn][branch]") {
    constexpr u64 kTarget = kCodeAt + 0x100;
    InsnTest t;
    t.load([](auto& a) { a.jmp(x86::rax); });
    t.load([](auto&) {}, kTarget);
    t.set(kRax, kTarget);
    for (const bool user : {false, true, false, true}) CHECK(t.run(user).vector == kVectorBP);
    unsigned faults = 0;
    for (const u64 base : {kTarget, u64{0}})
        for (u64 n = 1; n < 0x7fff; ++n)
            for (const bool user : {false, true}) {
                t.set(kRax, base - (n << 48));
                t.run(user);
                faults += t.last.vector == kVectorGP && t.last.rip == kCodeAt;
            }
    CHECK(faults == 4 * 0x7ffe);
}

// The RIPs that entries without contents look like.
TEST_CASE("Branches to the lowest and the highest addresses", "[insn][branch]") {
    InsnTest t;
    t.load([](auto& a) { a.jmp(x86::rax); });
    for (const u64 target : {u64{0}, u64{1}, u64{2}, u64{0x10001}, ~u64{0}, ~u64{1}}) {
        CAPTURE(target);
        t.set(kRax, target);
        t.run();
        CHECK(t.last.vector == kVectorPF);
        CHECK(t.last.cr2 == target);
        CHECK(t.last.rip == target);
    }
}

}  // namespace twin86::test
