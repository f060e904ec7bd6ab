// XSAVE family, FXSAVE, XCR0 and the x87 environment. SDM vol. 1, chapters 8, 10 and 13.
#include <algorithm>

#include "cpu/semantics/xsave_image.h"
#include "tests/unit/cpu_semantics/fixture.h"

namespace twin86 {

namespace {

constexpr Gva kArea = 0x40000;
constexpr u64 kCompacted = bit(63);

struct Vectors : Fixture {
    Vectors() {
        long_mode(0);
        s.xcr0 = 0xe7;
        s.gpr[kRbx] = kArea;
        ask(~u64{0});
        for (unsigned i = kXsaveExtendedStart; i < kXsaveAreaSize; ++i) s.xsave[i] = static_cast<u8>(i * 7 + i / 256);
        for (unsigned i = 0; i < kXsaveAvailable; ++i) s.xsave[i] = static_cast<u8>(i + 1);
        XsaveImage image(cpu());
        image.write16(kXsaveFcw, 0x27f);
        image.write32(kXsaveMxcsr, 0x1fa0);
        image.write32(kXsaveMxcsrMask, 0xffff);
        image.mark_in_use(0xe7);
        std::fill(host.memory.begin() + kArea, host.memory.begin() + kArea + 4096, 0xcc);
        host.store(kArea + 512, u64{0});
    }
    void ask(u64 mask) { s.gpr[kRax] = static_cast<u32>(mask), s.gpr[kRdx] = mask >> 32; }
    void clear_header() { std::fill_n(host.memory.begin() + kArea + 512, 64, 0); }
    bool equal(unsigned memory, unsigned image, unsigned size) {
        return std::equal(s.xsave + image, s.xsave + image + size, host.memory.begin() + kArea + memory);
    }
    bool untouched(unsigned from, unsigned to) {
        return std::all_of(host.memory.begin() + kArea + from, host.memory.begin() + kArea + to,
                           [](u8 b) { return b == 0xcc; });
    }
};

/// A header that XRSTOR and XRSTORS refuse; `other` stands at `offset` of the area.
struct HostileHeader {
    const char* name;
    unsigned offset;
    u64 xstate_bv, xcomp_bv, other;
};

void refused(std::string_view instruction, const HostileHeader& c) {
    INFO(c.name);
    Vectors f;
    f.clear_header();
    f.host.store(kArea + 512, c.xstate_bv);
    f.host.store(kArea + 520, c.xcomp_bv);
    f.host.store(kArea + c.offset, c.other);
    std::vector<u8> before(f.s.xsave, f.s.xsave + kXsaveAreaSize);
    CHECK(is_fault(f.run(instruction), kVectorGP, 0));
    CHECK(std::equal(before.begin(), before.end(), f.s.xsave));
}

}  // namespace

TEST_CASE("xsave writes what is asked for, in the standard format") {
    Vectors f;
    SECTION("all") {
        REQUIRE(f.run("48 0f ae 23").ok());
        CHECK(f.equal(0, 0, 416));
        CHECK(f.equal(576, 576, 256));
        CHECK(f.equal(1088, 1088, 64 + 512 + 1024));
        CHECK(f.untouched(416, 512));
        CHECK(f.untouched(832, 1088));
        CHECK(f.host.load<u64>(kArea + 512) == 0xe7);
    }
    SECTION("AVX alone brings MXCSR and leaves other bits of XSTATE_BV") {
        f.ask(4);
        f.host.store(kArea + 512, u64{0x3});
        REQUIRE(f.run("0f ae 23").ok());
        CHECK(f.untouched(0, 24));
        CHECK(f.equal(24, 24, 8));
        CHECK(f.untouched(32, 512));
        CHECK(f.equal(576, 576, 256));
        CHECK(f.host.load<u64>(kArea + 512) == 0x7);
    }
    SECTION("XCR0 limits it") {
        f.s.xcr0 = 3;
        REQUIRE(f.run("0f ae 23").ok());
        CHECK(f.untouched(576, 1088));
        CHECK(f.host.load<u64>(kArea + 512) == 3);
    }
    SECTION("a component in its initial state is written as such") {
        XsaveImage(f.cpu()).write64(kXsaveXstateBv, 2);
        f.host.store(kArea + 512, u64{0xff});
        f.ask(~u64{0} >> 1);
        REQUIRE(f.run("0f ae 23").ok());
        CHECK(f.host.load<u16>(kArea) == kInitialFcw);
        CHECK(f.host.load<u64>(kArea + 576) == 0);
        CHECK(f.host.load<u64>(kArea + 512) == 0x1a);  // bits beyond XCR0 are kept
    }
}

TEST_CASE("xsaveopt skips components in their initial state") {
    Vectors f;
    XsaveImage(f.cpu()).write64(kXsaveXstateBv, 2);
    REQUIRE(f.run("0f ae 33").ok());
    CHECK(f.untouched(576, 832));
    CHECK(f.untouched(0, 24));
    CHECK(f.equal(160, 160, 256));
    CHECK(f.host.load<u64>(kArea + 512) == 2);
}

TEST_CASE("xsavec packs components, aligned where CPUID says so") {
    Vectors f;
    f.ask(0xa0);
    REQUIRE(f.run("0f c7 23").ok());
    CHECK(f.host.load<u64>(kArea + 520) == (kCompacted | 0xa0));
    CHECK(f.host.load<u64>(kArea + 512) == 0xa0);
    CHECK(f.equal(576, 1088, 64));
    CHECK(f.equal(640, 1664, 1024));
    CHECK(f.untouched(0, 512));
}

TEST_CASE("xsave and xrstor: operand checks") {
    Vectors f;
    const std::string hex =
        GENERATE(as<std::string>{}, "0f ae 23", "0f ae 33", "0f c7 23", "0f c7 2b", "0f ae 2b", "0f c7 1b");
    SECTION("OSXSAVE clear") {
        f.s.cr4 &= ~u64{kCr4OSXSAVE};
        CHECK(is_fault(f.run(hex), kVectorUD));
    }
    SECTION("TS set") {
        f.s.cr0 |= kCr0TS;
        CHECK(is_fault(f.run(hex), kVectorNM));
    }
    SECTION("misaligned") {
        f.s.gpr[kRbx] += 32;
        CHECK(is_fault(f.run(hex), kVectorGP, 0));
    }
    SECTION("not canonical") {
        f.s.gpr[kRbx] = 0x8000000000000000;
        CHECK(is_fault(f.run(hex), kVectorGP, 0));
    }
}

TEST_CASE("xsave onto a missing second page writes nothing") {
    Vectors f;
    f.s.gpr[kRbx] = kArea + 0xe00;  // the extended part lies on the next page
    f.host.holes.push_back({kArea + 0x1000, kArea + 0x1fff, true});
    CHECK(f.run("0f ae 23").vector == kVectorPF);
    CHECK(f.untouched(0xe00, 0x1000));
}

TEST_CASE("xrstor: round trips in both formats") {
    Vectors f;
    const bool compacted = GENERATE(false, true);
    f.clear_header();
    REQUIRE(f.run(compacted ? "0f c7 23" : "0f ae 23").ok());
    std::vector<u8> before(f.s.xsave, f.s.xsave + kXsaveAreaSize);
    XsaveImage(f.cpu()).initialize(0xe7);
    XsaveImage(f.cpu()).set_mxcsr(kInitialMxcsr);
    REQUIRE(f.run("0f ae 2b").ok());
    CHECK(std::equal(before.begin(), before.begin() + 416, f.s.xsave));
    CHECK(std::equal(before.begin() + 512, before.begin() + 2688, f.s.xsave + 512));
}

TEST_CASE("xrstor initialises what XSTATE_BV leaves out; MXCSR comes from memory in the standard format") {
    Vectors f;
    f.clear_header();
    f.host.store(kArea + 24, u32{0x1f00});
    f.ask(6);
    REQUIRE(f.run("0f ae 2b").ok());
    XsaveImage image(f.cpu());
    CHECK(image.in_use() == 0xe1);
    CHECK(image.mxcsr() == 0x1f00);
    CHECK(image.read64(160) == 0);
    CHECK(image.read16(0) == 0x27f);
}

TEST_CASE("xrstor outside 64-bit mode leaves registers 8 and up in their initial state") {
    Vectors f;
    f.clear_header();
    f.host.store(kArea + 512, u64{6});
    f.host.store(kArea + 24, u32{0x1f80});
    XsaveImage image(f.cpu());
    image.write64(kXsaveXstateBv, 0);
    f.compatibility_mode();
    f.s.gpr[kRbx] = kArea;
    REQUIRE(f.run("0f ae 2b").ok());
    CHECK(image.in_use() == 6);
    CHECK(image.read64(160) == 0xcccccccccccccccc);
    CHECK(image.read64(160 + 128) == 0);
    CHECK(image.read64(576 + 128) == 0);
}

TEST_CASE("xrstor of a compacted area without SSE resets MXCSR") {
    Vectors f;
    f.clear_header();
    f.host.store(kArea + 520, kCompacted | 7);
    REQUIRE(f.run("0f ae 2b").ok());
    CHECK(XsaveImage(f.cpu()).mxcsr() == kInitialMxcsr);
    CHECK(XsaveImage(f.cpu()).in_use() == 0);
}

TEST_CASE("xrstor: hostile headers are #GP and change nothing (13.8)") {
    const HostileHeader c = GENERATE(values<HostileHeader>({
        {"XSTATE_BV beyond XCR0", 528, 0x100, 0, 0},
        {"XCOMP_BV without bit 63", 528, 1, 1, 0},
        {"reserved bytes 23:16", 528, 1, 0, 1},
        {"XSTATE_BV beyond XCOMP_BV", 528, 7, kCompacted | 3, 0},
        {"XCOMP_BV beyond XCR0", 528, 1, kCompacted | 0x101, 0},
        {"reserved bytes of the compacted form", 568, 1, kCompacted | 1, 1},
        {"reserved MXCSR bits", 24, 2, 0, 0x10000},
    }));
    refused("0f ae 2b", c);
}

TEST_CASE("xrstors wants the compacted format and CPL 0") {
    Vectors f;
    f.clear_header();
    CHECK(is_fault(f.run("0f c7 1b"), kVectorGP, 0));
    REQUIRE(f.run("0f c7 2b").ok());  // xsaves
    REQUIRE(f.run("0f c7 1b").ok());
    f.long_mode(3);
    f.s.gpr[kRbx] = kArea;
    CHECK(is_fault(f.run("0f c7 1b"), kVectorGP, 0));
    CHECK(is_fault(f.run("0f c7 2b"), kVectorGP, 0));
}

TEST_CASE("xrstors: hostile headers are #GP and change nothing (13.12)") {
    const HostileHeader c = GENERATE(values<HostileHeader>({
        {"standard format", 528, 1, 0, 0},
        {"XCOMP_BV beyond XCR0 | XSS", 528, 1, kCompacted | 0x101, 0},
        {"a supervisor component that XSS lacks", 528, 0, kCompacted | 0x801, 0},
        {"XSTATE_BV beyond XCOMP_BV", 528, 7, kCompacted | 3, 0},
        {"bytes 23:16", 528, 1, kCompacted | 1, 1},
        {"the last reserved bytes", 568, 1, kCompacted | 1, 1},
        {"reserved MXCSR bits", 24, 2, kCompacted | 3, 0x10000},
    }));
    refused("0f c7 1b", c);
}

TEST_CASE("xsave outside 64-bit mode leaves registers 8 and up alone") {
    Vectors f;
    f.compatibility_mode();
    f.s.gpr[kRbx] = kArea;
    REQUIRE(f.run("0f ae 23").ok());
    CHECK(f.equal(160, 160, 128));
    CHECK(f.untouched(288, 512));
    CHECK(f.untouched(576 + 128, 1088));
    CHECK(f.untouched(1664, 2688));
}

TEST_CASE("xsetbv: dependencies between components; xgetbv") {
    Fixture f;
    f.long_mode(0);
    const auto xsetbv = [&](u32 index, u64 value) {
        f.s.gpr[kRcx] = index;
        f.s.gpr[kRax] = static_cast<u32>(value);
        f.s.gpr[kRdx] = value >> 32;
        return f.run("0f 01 d1");
    };
    for (const u64 bad : {u64{0}, u64{2}, u64{5}, u64{0x27}, u64{0xe3}, u64{0x207}, u64{1} << 63})
        CHECK(is_fault(xsetbv(0, bad), kVectorGP, 0));
    CHECK(is_fault(xsetbv(1, 7), kVectorGP, 0));
    CHECK(xsetbv(0, 0xe7).ok());
    f.s.gpr[kRcx] = 0;
    CHECK(f.run("0f 01 d0").ok());
    CHECK(f.s.gpr[kRax] == 0xe7);
    f.s.gpr[kRcx] = 2;
    CHECK(is_fault(f.run("0f 01 d0"), kVectorGP, 0));
    f.s.cr4 &= ~u64{kCr4OSXSAVE};
    CHECK(is_fault(xsetbv(0, 7), kVectorUD));
    CHECK(is_fault(f.run("0f 01 d0"), kVectorUD));
}

TEST_CASE("fxsave and fxrstor") {
    Vectors f;
    SECTION("REX.W keeps 64-bit pointers") {
        REQUIRE(f.run("48 0f ae 03").ok());
        CHECK(f.equal(0, 0, 416));
        CHECK(f.untouched(464, 512));
    }
    SECTION("without it they have 32 bits") {
        REQUIRE(f.run("0f ae 03").ok());
        CHECK(f.equal(8, 8, 4));
        CHECK(f.host.load<u32>(kArea + 12) == 0);
    }
    SECTION("EM, TS and alignment") {
        f.s.cr0 |= kCr0EM;
        CHECK(is_fault(f.run("0f ae 03"), kVectorNM));
        f.s.cr0 &= ~u64{kCr0EM};
        f.s.gpr[kRbx] += 8;
        CHECK(is_fault(f.run("0f ae 03"), kVectorGP, 0));
    }
    SECTION("reserved MXCSR bits") {
        REQUIRE(f.run("0f ae 03").ok());
        f.host.store(kArea + 24, u32{0x10000});
        CHECK(is_fault(f.run("0f ae 0b"), kVectorGP, 0));
        f.host.store(kArea + 24, u32{0x1f00});
        f.host.store(kArea + 160, u64{42});
        REQUIRE(f.run("0f ae 0b").ok());
        CHECK(XsaveImage(f.cpu()).mxcsr() == 0x1f00);
        CHECK(XsaveImage(f.cpu()).read64(160) == 42);
        CHECK(XsaveImage(f.cpu()).in_use() == 0xe7);
    }
    SECTION("FFXSR leaves out XMM at CPL 0") {
        f.s.efer |= kEferFFXSR;
        REQUIRE(f.run("0f ae 03").ok());
        CHECK(f.untouched(160, 512));
        CHECK(f.equal(32, 32, 128));
    }
}

TEST_CASE("fnstenv computes the tag word from the values and masks exceptions") {
    Vectors f;
    XsaveImage image(f.cpu());
    image.write16(kXsaveFcw, 0x340);
    image.write16(kXsaveFsw, 7 << 11);  // TOP = 7
    *image.at(kXsaveFtw) = 0x83;        // physical registers 7 (ST0), 0 (ST1), 1 (ST2)
    const auto set_st = [&](unsigned st, u64 significand, u16 exponent) {
        image.write64(32 + st * 16, significand);
        image.write16(40 + st * 16, exponent);
    };
    set_st(0, bit(63), 0x3fff);  // 1.0: valid
    set_st(1, 0, 0);             // zero
    set_st(2, bit(63), 0x7fff);  // infinity: special
    REQUIRE(f.run("d9 33").ok());
    CHECK(f.host.load<u16>(kArea) == 0x340);
    CHECK(f.host.load<u16>(kArea + 4) == 7 << 11);
    CHECK(f.host.load<u16>(kArea + 8) == (0x3ff0 | 1 | 2 << 2));
    CHECK(image.read16(kXsaveFcw) == 0x37f);
}

TEST_CASE("fnsave initialises, frstor brings it back, in every layout") {
    Vectors f;
    const int layout = GENERATE(0, 1, 2, 3);
    if (layout >= 2) f.real_mode();
    f.s.gpr[kRbx] = layout >= 2 ? 0x5000 : kArea;
    XsaveImage image(f.cpu());
    image.write16(kXsaveFsw, 3 << 11);
    *image.at(kXsaveFtw) = 0x18;
    image.write16(kXsaveFop, 0x123);
    image.write64(kXsaveFip, 0x4567);
    image.write64(kXsaveFdp, 0x89ab);
    for (unsigned i = 0; i < 8; ++i) std::fill_n(image.at(32 + i * 16 + 10), 6, 0);
    std::vector<u8> before(f.s.xsave, f.s.xsave + 160);
    const bool narrow_opcode = layout == 1;  // the 16-bit protected-mode layout has no opcode
    if (narrow_opcode) before[kXsaveFop] = before[kXsaveFop + 1] = 0;
    const char* save[] = {"dd 33", "66 dd 33", "67 66 dd 33", "67 dd 33"};
    const char* restore[] = {"dd 23", "66 dd 23", "67 66 dd 23", "67 dd 23"};
    REQUIRE(f.run(save[layout]).ok());
    CHECK(image.read16(kXsaveFsw) == 0);
    CHECK(*image.at(kXsaveFtw) == 0);
    CHECK(image.read16(kXsaveFcw) == kInitialFcw);
    REQUIRE(f.run(restore[layout]).ok());
    before[kXsaveFtw + 1] = 0;
    CHECK(std::equal(before.begin(), before.begin() + 24, f.s.xsave));
    CHECK(std::equal(before.begin() + 32, before.end(), f.s.xsave + 32));
}

TEST_CASE("fldenv waits for pending exceptions and recomputes the summary bit") {
    Vectors f;
    XsaveImage image(f.cpu());
    image.write16(kXsaveFsw, 0x8081);
    image.write16(kXsaveFcw, 0x37e);
    CHECK(is_fault(f.run("d9 23"), kVectorMF));
    f.s.cr0 |= kCr0TS;
    CHECK(is_fault(f.run("d9 23"), kVectorNM));
    f.s.cr0 &= ~u64{kCr0TS};
    image.write16(kXsaveFsw, 0);
    f.host.store(kArea, u32{0x37e});
    f.host.store(kArea + 4, u32{0x0001});
    REQUIRE(f.run("d9 23").ok());
    CHECK(image.read16(kXsaveFsw) == 0x8081);
}

}  // namespace twin86
