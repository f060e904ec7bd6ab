// Rows of the instruction table that no other suite executes, from their pages of SDM vol. 2.
#include "tests/insn/segment_rig.h"

namespace twin86::test {

using namespace asmjit;

namespace {

/// Bytes and an INT3 behind them, run in ring 0 or 3.
GuestStop run_bytes(InsnTest& t, std::vector<u8> bytes, bool user) {
    bytes.push_back(0xcc);
    t.load_bytes(bytes);
    return t.run(user);
}

}  // namespace

TEST_CASE("INS and OUTS move elements between memory and the port in DX", "[insn][rare]") {
    struct Case {
        const char* what;
        std::vector<u8> bytes;
        unsigned size;
        bool write;
    };
    const Case cases[] = {{"insb", {0x6c}, 1, false},  {"insw", {0x66, 0x6d}, 2, false},  {"insd", {0x6d}, 4, false},
                          {"outsb", {0x6e}, 1, true}, {"outsw", {0x66, 0x6f}, 2, true}, {"outsd", {0x6f}, 4, true}};
    for (const Case& c : cases) {
        INFO(c.what);
        InsnTest t;
        t.guest.environment().port_value = 0x44332211;
        t.store_value<u64>(kDataAt, 0x8877665544332211);
        t.set(kRdx, 0x80), t.set(kRsi, kDataAt), t.set(kRdi, kDataAt + 0x100);
        REQUIRE(run_bytes(t, c.bytes, false).vector == kVectorBP);
        const u32 value = static_cast<u32>(0x44332211 & ((u64{1} << 8 * c.size) - 1));
        REQUIRE(t.guest.environment().ports.size() == 1);
        const auto& access = t.guest.environment().ports[0];
        CHECK((access.port == 0x80 && access.size == c.size && access.write == c.write));
        if (c.write) CHECK(access.value == value);
        else CHECK(t.load_value(kDataAt + 0x100) == value);
        CHECK(t.reg(kRsi) == kDataAt + (c.write ? c.size : 0));
        CHECK(t.reg(kRdi) == kDataAt + 0x100 + (c.write ? 0 : c.size));
        CHECK(run_bytes(t, c.bytes, true).vector == kVectorGP);  // no port is open to ring 3
    }
}

TEST_CASE("INTO is a trap when OF is set", "[insn][rare]") {
    for (const bool overflow : {false, true}) {
        SegmentRig t;
        t.load_bytes(std::vector<u8>{0xce, 0xcc});
        t.prepare().rflags |= overflow ? u64{kFlagOF} : 0;
        t.go();
        CHECK(t.last.vector == (overflow ? kVectorOF : kVectorBP));
        CHECK(t.last.rip == kCodeAt + (overflow ? 1 : 2));
    }
}

TEST_CASE("JCXZ looks at CX, JECXZ at ECX", "[insn][rare]") {
    for (const bool narrow : {false, true}) {
        SegmentRig t;
        t.load_bytes(narrow ? std::vector<u8>{0x67, 0xe3, 0x01, 0xcc, 0x90, 0xcc} : std::vector<u8>{0x90, 0xe3, 0x01, 0xcc, 0x90, 0xcc});
        t.prepare().gpr[kRcx] = 0x10000;
        t.go();
        CHECK(t.last.rip == kCodeAt + (narrow ? 6 : 4));
    }
}

TEST_CASE("LDS, LFS and LGS load a far pointer", "[insn][rare]") {
    struct Case {
        const char* what;
        std::vector<u8> bytes;
        unsigned segment;
    };
    const Case cases[] = {{"lds", {0xc5, 0x03}, kDs}, {"lfs", {0x0f, 0xb4, 0x03}, kFs}, {"lgs", {0x0f, 0xb5, 0x03}, kGs}};
    for (const Case& c : cases) {
        INFO(c.what);
        SegmentRig t;
        std::vector<u8> code = c.bytes;
        code.push_back(0xcc);
        t.load_bytes(code);
        t.store_value<u32>(kDataAt, 0x12345678);
        t.store_value<u16>(kDataAt + 4, JitGuest::kUserData);
        CpuState& s = t.prepare();
        s.gpr[kRbx] = kDataAt;
        s.segment[c.segment].selector = 0x1234;
        t.go();
        REQUIRE(t.last.vector == kVectorBP);
        CHECK(t.reg(kRax) == 0x12345678);
        CHECK(t.guest.state().segment[c.segment].selector == JitGuest::kUserData);
        // A selector beyond the GDT: #GP with it, and nothing is loaded.
        t.store_value<u16>(kDataAt + 4, 0x1003);
        t.prepare().gpr[kRbx] = kDataAt;
        t.go();
        CHECK(t.last.vector == kVectorGP);
        CHECK(t.last.error_code == 0x1000);
        CHECK(t.reg(kRax) == 0);
    }
}

TEST_CASE("POPFD takes arithmetic flags and not IOPL or IF at CPL 3", "[insn][rare]") {
    SegmentRig t;
    t.load_bytes(std::vector<u8>{0x9d, 0xcc});
    CpuState& s = t.prepare();
    const u64 before = s.rflags, sp = s.gpr[kRsp];
    t.store_value<u32>(sp, kFlagCF | kFlagSF | kFlagIOPL | kFlagIF | kFlagID | kFlagReserved1);
    t.go();
    REQUIRE(t.last.vector == kVectorBP);
    CHECK((t.last.rflags & (kFlagsArithmetic | kFlagID)) == (kFlagCF | kFlagSF | kFlagID));
    CHECK((t.last.rflags & (kFlagIOPL | kFlagIF)) == (before & (kFlagIOPL | kFlagIF)));
    CHECK(t.last.rsp == sp + 4);
}

TEST_CASE("IRETD in 64-bit mode pops five 32-bit values", "[insn][rare]") {
    InsnTest t;
    const u64 frame = kStackTop - 0x100;
    const u32 values[] = {kCodeAt + 0x100, JitGuest::kUserCode32, kFlagReserved1 | kFlagZF, 0x12345678, JitGuest::kUserData};
    for (unsigned i = 0; i < 5; ++i) t.store_value<u32>(frame + i * 4, values[i]);
    t.load_bytes(std::vector<u8>{0xcc}, kCodeAt + 0x100);
    t.set(kRsp, frame);
    CHECK(run_bytes(t, {0xcf}, false).vector == kVectorBP);
    CHECK(t.last.rip == kCodeAt + 0x101);
    CHECK(t.last.rsp == 0x12345678);
    CHECK(t.flags() == kFlagZF);
}

TEST_CASE("RDRAND and RDSEED give numbers and set CF alone", "[insn][rare]") {
    for (const u8 modrm : {u8{0xf0}, u8{0xf8}}) {
        InsnTest t;
        t.set_flags(kFlagOF | kFlagSF | kFlagZF | kFlagAF | kFlagPF);
        u64 seen = 0;
        for (unsigned n = 0; n < 8; ++n) {
            REQUIRE(run_bytes(t, {0x48, 0x0f, 0xc7, modrm}, true).vector == kVectorBP);
            if (t.flags() == 0 && t.reg(kRax) == 0) continue;  // the source was exhausted
            CHECK(t.flags() == kFlagCF);
            seen |= t.reg(kRax);
        }
        CHECK(seen >> 32 != 0);
    }
}

TEST_CASE("RDPMC: no counter exists; RSM outside of SMM and UD0, UD1, UD2 are undefined", "[insn][rare]") {
    struct Case {
        const char* what;
        std::vector<u8> bytes;
        int vector;
    };
    const Case cases[] = {{"rdpmc", {0x0f, 0x33}, kVectorGP}, {"rsm", {0x0f, 0xaa}, kVectorUD},        {"ud0", {0x0f, 0xff, 0xc0}, kVectorUD},
                          {"ud1", {0x0f, 0xb9, 0xc0}, kVectorUD}, {"ud2", {0x0f, 0x0b}, kVectorUD}};
    for (const Case& c : cases)
        for (const bool user : {false, true}) {
            INFO(c.what << " user " << user);
            InsnTest t;
            CHECK(run_bytes(t, c.bytes, user).vector == c.vector);
            CHECK(t.last.rip == kCodeAt);
        }
}

TEST_CASE("SIDT and SLDT show the guest's tables, to ring 3 only without UMIP", "[insn][rare]") {
    const std::vector<u8> sidt = {0x0f, 0x01, 0x0b}, sldt = {0x48, 0x0f, 0x00, 0xc0};
    for (const bool user : {false, true}) {
        InsnTest t;
        t.set(kRbx, kDataAt);
        REQUIRE(run_bytes(t, sidt, user).vector == kVectorBP);
        CHECK(t.load_value<u16>(kDataAt) == t.guest.initial().idtr.limit);
        CHECK(t.load_value<u64>(kDataAt + 2) == t.guest.initial().idtr.base);
        t.set(kRax, ~u64{0});
        REQUIRE(run_bytes(t, sldt, user).vector == kVectorBP);
        CHECK(t.reg(kRax) == t.guest.initial().ldtr.selector);
    }
    for (const auto& bytes : {sidt, sldt}) {
        InsnTest t;
        t.load_bytes(bytes);
        t.guest.start(kCodeAt, kStackTop);
        t.guest.state().cr4 |= kCr4UMIP;
        CHECK(t.guest.run().vector == kVectorGP);
    }
}

TEST_CASE("XSAVES64 and XRSTORS64 bring a register back in ring 0, and ring 3 may not", "[insn][rare]") {
    InsnTest t;
    t.set(kRbx, kDataAt), t.set(kRax, 3), t.set(kRdx, 0), t.set(kRcx, 0x1122334455667788);
    // movq xmm1, rcx; xsaves64 [rbx]; pxor xmm1, xmm1; xrstors64 [rbx]; movq rsi, xmm1
    const std::vector<u8> code = {0x66, 0x48, 0x0f, 0x6e, 0xc9, 0x48, 0x0f, 0xc7, 0x2b, 0x66, 0x0f, 0xef,
                                  0xc9, 0x48, 0x0f, 0xc7, 0x1b, 0x66, 0x48, 0x0f, 0x7e, 0xce};
    REQUIRE(run_bytes(t, code, false).vector == kVectorBP);
    CHECK(t.reg(kRsi) == 0x1122334455667788);
    CHECK(t.load_value(kDataAt + 520) >> 63 == 1);  // compacted
    CHECK(run_bytes(t, {0x48, 0x0f, 0xc7, 0x2b}, true).vector == kVectorGP);
    CHECK(run_bytes(t, {0x48, 0x0f, 0xc7, 0x1b}, true).vector == kVectorGP);
}

// SDM vol. 3, 21.4; vol. 2, CLI and STI.
TEST_CASE("PVI: CLI and STI of CPL 3 change VIF, and VIP lets STI fault", "[insn][rare]") {
    struct Case {
        const char* what;
        u8 opcode;
        u64 cr4, flags;
        int vector;
        u64 vif;
    };
    const Case cases[] = {{"cli without PVI", 0xfa, 0, kFlagVIF, kVectorGP, kFlagVIF},
                          {"cli", 0xfa, kCr4PVI, kFlagVIF, kVectorBP, 0},
                          {"sti", 0xfb, kCr4PVI, 0, kVectorBP, kFlagVIF},
                          {"sti with VIP", 0xfb, kCr4PVI, kFlagVIP, kVectorGP, 0}};
    InsnTest t(GuestOptions{.cpu = "max,+vme"});
    CHECK((t.guest.model().cr4_allowed() & (kCr4VME | kCr4PVI)) == (kCr4VME | kCr4PVI));
    for (const Case& c : cases) {
        INFO(c.what);
        t.load_bytes(std::vector<u8>{c.opcode, 0xcc});
        t.guest.start(kCodeAt, kStackTop);
        t.guest.state().cr4 |= c.cr4;
        t.guest.state().rflags |= c.flags | kFlagIF;
        const GuestStop stop = t.guest.run();
        CHECK(stop.vector == c.vector);
        CHECK((stop.rflags & kFlagVIF) == c.vif);
        CHECK((stop.rflags & kFlagIF) != 0);
    }
}

}  // namespace twin86::test
