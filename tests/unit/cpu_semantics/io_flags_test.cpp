// Ports, flags, stack frames, decimal arithmetic. SDM vol. 1, chapter 18; vol. 2.
#include "tests/unit/cpu_semantics/fixture.h"

namespace twin86 {

TEST_CASE("in and out by size, immediate and DX") {
    Fixture f;
    f.long_mode(0);
    f.s.gpr[kRax] = ~u64{0};
    f.s.gpr[kRdx] = 0x12345;
    f.host.next_port_value = 0x81;
    REQUIRE(f.run("e4 f0").ok());
    CHECK(f.s.gpr[kRax] == 0xffffffffffffff81);
    REQUIRE(f.run("66 ed").ok());
    CHECK(f.s.gpr[kRax] == 0xffffffffffff0082);
    REQUIRE(f.run("ed").ok());
    CHECK(f.s.gpr[kRax] == 0x83);
    REQUIRE(f.run("ee").ok());
    REQUIRE(f.run("e7 92").ok());
    CHECK(f.host.port_accesses[0].port == 0xf0);
    CHECK(f.host.port_accesses[1].port == 0x2345);
    CHECK(f.host.port_accesses[1].size == 2);
    CHECK(f.host.port_accesses[2].size == 4);
    CHECK(f.host.port_accesses[3].value == 0x83);
    CHECK(f.host.port_accesses[3].size == 1);
    CHECK(f.host.port_accesses[4].port == 0x92);
}

TEST_CASE("I/O permission: IOPL, then the map of the TSS (vol. 1, 18.5.2)") {
    Fixture f;
    f.long_mode(3);
    f.s.gpr[kRdx] = 0x3f8;
    CHECK(is_fault(f.run("ec"), kVectorGP, 0));  // the map lies beyond the limit
    f.s.tr.limit = 0x67 + 0x81;
    f.host.store(kTss + 102, u16{0x68});
    CHECK(f.run("ec").ok());
    CHECK(f.run("ed").ok());
    f.host.memory[kTss + 0x68 + 0x7f] = 0x08;  // 0x3fb
    CHECK(f.run("ec").ok());
    CHECK(is_fault(f.run("ed"), kVectorGP, 0));
    f.s.gpr[kRdx] = 0x407;  // two bytes are read: the one after must lie inside the limit too
    f.s.tr.limit = 0x67 + 0x82;
    CHECK(f.run("ec").ok());
    f.s.tr.limit -= 1;
    CHECK(is_fault(f.run("ec"), kVectorGP, 0));
    f.s.rflags |= kFlagIOPL;
    CHECK(f.run("ec").ok());
    Fixture vm86;
    vm86.vm86_mode(3);
    vm86.s.gpr[kRdx] = 0x3f8;
    CHECK(is_fault(vm86.run("ec"), kVectorGP, 0));  // VM86 always asks the map
}

TEST_CASE("rep insw: chunks, counts, faults at an element") {
    Fixture f;
    f.long_mode(0);
    f.s.gpr[kRdi] = 0x9ff8;
    f.s.gpr[kRcx] = 10;
    f.s.gpr[kRdx] = 0x1f0;
    REQUIRE(f.run("f3 66 6d").ok());
    CHECK(f.s.gpr[kRcx] == 6);  // up to the end of the page
    CHECK(f.s.gpr[kRdi] == 0xa000);
    CHECK(f.s.rip == kCodeAt);
    CHECK(f.host.load<u16>(0x9ffe) == 0x14);
    f.host.holes.push_back({0xa000, 0xafff, true});
    CHECK(f.run("f3 66 6d").vector == kVectorPF);
    CHECK(f.s.gpr[kRcx] == 6);
    CHECK(f.host.port_accesses.size() == 4);  // no port read without a place to put it
    f.host.holes.clear();
    REQUIRE(f.run("f3 66 6d").ok());
    CHECK(f.s.rip == kCodeAt + 3);
    CHECK(f.s.gpr[kRcx] == 0);
    REQUIRE(f.run("f3 66 6d").ok());
    CHECK(f.host.port_accesses.size() == 10);
}

TEST_CASE("rep outsb: downwards one by one, 16-bit addresses wrap") {
    Fixture f;
    f.long_mode(0);
    f.s.rflags |= kFlagDF;
    f.s.gpr[kRsi] = 0x9001;
    f.s.gpr[kRcx] = 2;
    f.host.store(0x9000, u16{0xbbaa});
    REQUIRE(f.run("f3 6e").ok());
    REQUIRE(f.run("f3 6e").ok());
    CHECK(f.s.gpr[kRsi] == 0x8fff);
    CHECK(f.host.port_accesses[0].value == 0xbb);
    CHECK(f.host.port_accesses[1].value == 0xaa);
    Fixture real;
    real.real_mode();
    real.s.segment[kDs].base = 0x40000;
    real.s.gpr[kRsi] = 0xabcdffff;
    real.s.gpr[kRcx] = 0xabcd0003;
    while (static_cast<u16>(real.s.gpr[kRcx]) != 0) {
        REQUIRE(real.run("f3 6e").ok());
        real.s.rip = kCodeAt;
    }
    CHECK(real.s.gpr[kRsi] == 0xabcd0002);
    CHECK(real.host.port_accesses.size() == 3);
}

TEST_CASE("pushf hides RF and VM; popf by privilege") {
    Fixture f;
    f.long_mode(0);
    f.s.rflags = 0x2 | kFlagRF;
    REQUIRE(f.run("9c").ok());
    CHECK(f.stack(0) == 2);
    f.host.store(f.s.gpr[kRsp], ~u64{0});
    REQUIRE(f.run("9d").ok());
    CHECK(f.s.rflags == (0x7fd7 | kFlagAC | kFlagID));
    CHECK(f.s.gpr[kRsp] == kStack0);
    Fixture user;
    user.long_mode(3);
    user.s.rflags = 0x202;
    user.s.gpr[kRsp] -= 8;
    user.host.store(user.s.gpr[kRsp], u64{0x3002});
    REQUIRE(user.run("9d").ok());
    CHECK(user.s.rflags == 0x202);  // neither IF nor IOPL
    user.s.rflags |= kFlagIOPL;
    user.s.gpr[kRsp] -= 8;
    REQUIRE(user.run("9d").ok());
    CHECK(user.s.rflags == 0x3002);
}

TEST_CASE("66-prefixed popf keeps the upper flags") {
    Fixture f;
    f.long_mode(0);
    f.s.rflags = 2 | kFlagAC | kFlagID;
    f.s.gpr[kRsp] -= 2;
    f.host.store(f.s.gpr[kRsp], u16{0x4ed7});
    REQUIRE(f.run("66 9d").ok());
    CHECK(f.s.rflags == (0x4ed7 | kFlagAC | kFlagID));
    CHECK(f.s.gpr[kRsp] == kStack0);
}

TEST_CASE("sti only shadows when IF was clear; cli and sti need IOPL; stac, cld, std") {
    Fixture f;
    f.long_mode(0);
    f.s.rflags = 0x202;
    REQUIRE(f.run("fb").ok());
    CHECK(f.s.shadow == kShadowNone);
    REQUIRE(f.run("fa").ok());
    CHECK(f.s.rflags == 2);
    REQUIRE(f.run("0f 01 cb").ok());
    CHECK(f.s.rflags == (2 | kFlagAC));
    REQUIRE(f.run("0f 01 ca").ok());
    REQUIRE(f.run("fd").ok());
    CHECK(f.s.rflags == (2 | kFlagDF));
    REQUIRE(f.run("fc").ok());
    CHECK(f.s.rflags == 2);
    Fixture user;
    user.long_mode(3);
    CHECK(is_fault(user.run("fa"), kVectorGP, 0));
    CHECK(is_fault(user.run("fb"), kVectorGP, 0));
    CHECK(is_fault(user.run("0f 01 cb"), kVectorUD));
}

TEST_CASE("pusha and popa") {
    Fixture f;
    f.protected_mode(0);
    for (unsigned i = 0; i < 8; ++i)
        if (i != kRsp) f.s.gpr[i] = 0x1000 + i;
    REQUIRE(f.run("60").ok());
    CHECK(f.s.gpr[kRsp] == kStack0 - 32);
    CHECK(f.stack(3, 4) == kStack0);
    CHECK(f.stack(7, 4) == 0x1000);
    CHECK(f.stack(0, 4) == 0x1007);
    f.s.gpr[kRax] = 0;
    REQUIRE(f.run("61").ok());
    CHECK(f.s.gpr[kRax] == 0x1000);
    CHECK(f.s.gpr[kRsp] == kStack0);
}

TEST_CASE("enter: nesting levels copy outer frame pointers") {
    Fixture f;
    f.long_mode(0);
    f.s.gpr[kRbp] = kStack0 + 0x100;
    REQUIRE(f.run("c8 20 00 00").ok());
    CHECK(f.s.gpr[kRbp] == kStack0 - 8);
    CHECK(f.s.gpr[kRsp] == kStack0 - 8 - 0x20);
    CHECK(f.host.load<u64>(kStack0 - 8) == kStack0 + 0x100);
    f.s.gpr[kRsp] = kStack0;
    f.s.gpr[kRbp] = 0x9100;
    f.host.store(0x90f8, u64{0xaaaa});
    f.host.store(0x90f0, u64{0xbbbb});
    REQUIRE(f.run("c8 10 00 03").ok());
    CHECK(f.host.load<u64>(kStack0 - 16) == 0xaaaa);
    CHECK(f.host.load<u64>(kStack0 - 24) == 0xbbbb);
    CHECK(f.host.load<u64>(kStack0 - 32) == kStack0 - 8);
    CHECK(f.s.gpr[kRsp] == kStack0 - 32 - 16);
    CHECK(f.s.gpr[kRbp] == kStack0 - 8);
    f.host.holes.push_back({kStack0 - 0x4000, kStack0 - 0x3000, true});
    CHECK(f.run("c8 00 3f 00").vector == kVectorPF);
    CHECK(f.s.gpr[kRsp] == kStack0 - 48);
}

TEST_CASE("enter: a 32-bit operand on a 16-bit stack pushes all of ESP, which EBP becomes, and changes SP") {
    Fixture f;
    f.protected_mode(0);
    f.s.segment[kSs].attributes &= static_cast<u16>(~0x4000);  // B
    f.s.gpr[kRsp] = 0x1234'8000, f.s.gpr[kRbp] = 0x5678'9000;
    REQUIRE(f.run("c8 10 00 01").ok());
    CHECK(f.host.load<u32>(0x7ffc) == 0x5678'9000);
    CHECK(f.host.load<u32>(0x7ff8) == 0x1234'7ffc);
    CHECK(f.s.gpr[kRsp] == 0x1234'7fe8);
    CHECK(f.s.gpr[kRbp] == 0x1234'7ffc);
}

TEST_CASE("bound") {
    Fixture f;
    f.protected_mode(0);
    f.s.gpr[kRbx] = 0x9000;
    f.host.store(0x9000, i32{-5});
    f.host.store(0x9004, i32{5});
    const auto bound = [&](i32 index) {
        f.s.gpr[kRcx] = static_cast<u32>(index);
        return f.run("62 0b");
    };
    CHECK(bound(-5).ok());
    CHECK(bound(5).ok());
    CHECK(is_fault(bound(6), kVectorBR));
    CHECK(is_fault(bound(-6), kVectorBR));
}

TEST_CASE("decimal adjustments: examples of the manual and corner cases") {
    struct Case {
        const char* hex;
        u16 ax;
        u64 flags_in;
        u16 result;
        u64 flags_out;  // of CF and AF
    };
    const Case c = GENERATE(values<Case>({
        {"27", 0xae, 0, 0x14, kFlagCF | kFlagAF},  // daa after 79h + 35h
        {"27", 0x2e, kFlagCF, 0x94, kFlagCF | kFlagAF},
        {"27", 0x45, 0, 0x45, 0},
        {"2f", 0x47, kFlagAF | kFlagCF, 0xe1, kFlagCF | kFlagAF},
        {"2f", 0xee, 0, 0x88, kFlagCF | kFlagAF},  // das after 35h - 47h
        {"2f", 0x03, kFlagAF, 0xfd, kFlagCF | kFlagAF},
        {"37", 0x010b, 0, 0x0201, kFlagCF | kFlagAF},
        {"37", 0x00ff, 0, 0x0205, kFlagCF | kFlagAF},  // the carry out of AL reaches AH
        {"37", 0x0018, 0, 0x0008, 0},
        {"3f", 0x020b, 0, 0x0105, kFlagCF | kFlagAF},
        {"3f", 0x0205, 0, 0x0205, 0},
        {"d4 0a", 0x004b, 0, 0x0705, 0},
        {"d5 0a", 0x0705, 0, 0x004b, 0},
        {"d4 10", 0x00ab, 0, 0x0a0b, 0},
    }));
    INFO(c.hex << " ax " << c.ax);
    Fixture f;
    f.protected_mode(0);
    f.s.gpr[kRax] = c.ax;
    f.s.rflags = c.flags_in | 2;
    REQUIRE(f.run(c.hex).ok());
    CHECK(f.s.gpr[kRax] == c.result);
    CHECK((f.s.rflags & (kFlagCF | kFlagAF)) == c.flags_out);
    CHECK(is_fault(f.run("d4 00"), kVectorDE));
}

TEST_CASE("decimal adjustments: the flags that the manual leaves undefined, as on a Zen 5") {
    struct Case {
        const char* hex;
        u16 ax;
        u64 flags_in;
        u16 result;
        u64 flags_out;
    };
    const Case c = GENERATE(values<Case>({
        {"27", 0x007b, 0x000, 0x0081, 0x894},
        {"27", 0x0075, 0x010, 0x007b, 0x014},
        {"27", 0x0099, 0x8d5, 0x00ff, 0x095},
        {"2f", 0x0085, 0x010, 0x007f, 0x810},
        {"2f", 0x0045, 0x8c4, 0x0045, 0x000},
        {"37", 0x7ffb, 0x000, 0x8101, 0x891},
        {"37", 0xfefa, 0x000, 0x0000, 0x055},
        {"37", 0x0085, 0x8c4, 0x0005, 0x000},
        {"3f", 0x8005, 0x010, 0x7e0f, 0x815},
        {"3f", 0x0106, 0x010, 0x0000, 0x055},
        {"3f", 0x0085, 0x8c4, 0x0005, 0x000},
        {"d4 07", 0x004b, 0x8d5, 0x0a05, 0x004},
    }));
    INFO(c.hex << " ax " << std::hex << c.ax);
    Fixture f;
    f.protected_mode(0);
    f.s.gpr[kRax] = c.ax;
    f.s.rflags = c.flags_in | 2;
    REQUIRE(f.run(c.hex).ok());
    CHECK(f.s.gpr[kRax] == c.result);
    CHECK((f.s.rflags & kFlagsArithmetic) == c.flags_out);
}

}  // namespace twin86
