#include "base/bits.h"
#include "cpu/state/msr_table.h"

#include <catch2/catch.hpp>

using namespace twin86;

namespace {

constexpr MsrTraits kAmd{.amd = true, .physical_bits = 40, .arch_capabilities = false};
constexpr MsrTraits kIntel{.amd = false, .physical_bits = 46, .arch_capabilities = true};

u64 value_of(const CpuState& s, u32 index, const MsrTraits& traits) {
    u64 value = 0x5a5a;
    INFO(std::hex << index);
    REQUIRE(rdmsr(s, index, value, traits));
    return value;
}

}  // namespace

TEST_CASE("what Linux 6.1 touches without a safety net on AMD is there") {
    const CpuState s;
    for (u32 index : {0x8bu, 0xfeu, 0x277u, 0x2ffu, 0xc0010010u, 0xc0010015u, 0xc001001fu, 0xc0010055u, 0xc0011029u, 0xc0010114u}) {
        u64 value = 0;
        INFO(std::hex << index);
        CHECK(rdmsr(s, index, value, kAmd));
        CHECK_FALSE(msr_name(index).empty());
    }
    CHECK((value_of(s, 0xc0010015, kAmd) & bit(24)) != 0);
    CHECK((value_of(s, 0xc0011029, kAmd) & bit(1)) != 0);
}

TEST_CASE("each vendor has its own registers") {
    CpuState s;
    u64 value = 0;
    CHECK_FALSE(rdmsr(s, 0xc0010010, value, kIntel));
    CHECK_FALSE(rdmsr(s, 0x3a, value, kAmd));
    CHECK_FALSE(rdmsr(s, 0x10a, value, kAmd));
    CHECK(value_of(s, 0x3a, kIntel) == 1);
    CHECK(value_of(s, 0x10a, kIntel) == kArchCapabilities);
    CHECK(value_of(s, 0x8b, kAmd) == 0x01000065);
    CHECK(value_of(s, 0x8b, kIntel) == bit(32));
    CHECK(wrmsr(s, 0x8b, 0, kIntel));
    CHECK_FALSE(wrmsr(s, 0x10a, 0, kIntel));
    CHECK_FALSE(wrmsr(s, 0x179, 0, kAmd));
}

TEST_CASE("registers that no one has are #GP, at the borders of ranges too") {
    CpuState s;
    u64 value = 0;
    for (u32 index : {0x2u, 0x18u, 0x1feu, 0x210u, 0x24fu, 0x251u, 0x25au, 0x267u, 0x270u, 0x278u, 0x2feu, 0x300u, 0x480u, 0x40000000u, 0x4b564d00u, 0xc0000080u,
                      0xc001000fu, 0xc001001bu, 0xc001101fu, 0xc001102eu, 0xffffffffu}) {
        INFO(std::hex << index);
        CHECK_FALSE(rdmsr(s, index, value, kAmd));
        CHECK_FALSE(wrmsr(s, index, 0, kAmd));
    }
    CHECK(rdmsr(s, 0xc0011028, value, kAmd));
    CHECK(rdmsr(s, 0xc001102d, value, kAmd));
    CHECK(rdmsr(s, 0xc0010007, value, kAmd));
}

TEST_CASE("state registers keep valid values and refuse the others unchanged") {
    struct Case {
        u32 index;
        u64 good, bad;
    };
    const Case cases[] = {
        {0x48, 7, 8},
        {0x174, 0x10, bit(32)},
        {0x175, 0xffff'8000'0000'0000, 0x0000'8000'0000'0000},
        {0xc0000082, 0xffff'ffff'8100'0000, 0x1234'0000'0000'0000},
        {0xc0000084, 0x47700, bit(40)},
        {0xc0000102, 0xffff'8880'0000'0000, bit(47)},
        {0xc0000103, 5, bit(33)},
        {0x277, 0x0407'0506'0100'0605, 0x02},
        {0x277, 0, 0x0800'0000'0000'0000},
        {0x2ff, 0xc06, 0x1006},
        {0x2ff, 0, 0x07},
        {0x250, 0x0606'0606'0606'0606, 0x0000'0003'0000'0000},
        {0x26f, 0x0505'0505'0505'0505, 0x0700'0000'0000'0000},
        {0x200, 0xff'ffff'f006, bit(40)},
        {0x200, 0, 0x100},
        {0x20f, 0xff'ffff'f800, 0x400},
        {0xda0, 0, 1},
    };
    CpuState s;
    for (const Case& c : cases) {
        INFO(std::hex << c.index);
        CHECK(wrmsr(s, c.index, c.good, kAmd));
        CHECK(value_of(s, c.index, kAmd) == c.good);
        CHECK_FALSE(wrmsr(s, c.index, c.bad, kAmd));
        CHECK(value_of(s, c.index, kAmd) == c.good);
    }
    CHECK(s.lstar == 0xffff'ffff'8100'0000);
    CHECK(s.mtrr_fixed[10] == 0x0505'0505'0505'0505);
    CHECK(s.mtrr_variable[15] == 0xff'ffff'f800);
}

TEST_CASE("addresses have as many bits as the processor's linear addresses") {
    MsrTraits wide = kAmd;
    wide.la57 = true;
    CpuState s;
    for (const u32 index : {0x175u, 0xc0000082u, 0xc0000102u}) {
        CHECK(wrmsr(s, index, 0xff11'0000'0000'0000, wide));
        CHECK_FALSE(wrmsr(s, index, 0xff11'0000'0000'0000, kAmd));
        CHECK_FALSE(wrmsr(s, index, 0x0100'0000'0000'0000, wide));
    }
}

TEST_CASE("command registers cannot be read, dropped writes change nothing") {
    CpuState s;
    u64 value = 0;
    CHECK(wrmsr(s, 0x49, 1, kAmd));
    CHECK_FALSE(wrmsr(s, 0x49, 2, kAmd));
    CHECK_FALSE(rdmsr(s, 0x49, value, kAmd));
    CHECK(wrmsr(s, 0xc0010015, 0, kAmd));
    CHECK(value_of(s, 0xc0010015, kAmd) == bit(24));
}

TEST_CASE("reset gives the documented values") {
    CpuState s;
    s.pat = 0;
    s.lstar = 5;
    s.mtrr_variable[3] = 1;
    reset_plain_msrs(s);
    CHECK(value_of(s, 0x277, kAmd) == 0x0007040600070406);
    CHECK(value_of(s, 0xc0000082, kAmd) == 0);
    CHECK(value_of(s, 0x201, kAmd) == 0);
    CHECK(s.mtrr_variable[3] == 0);
    CHECK((value_of(s, 0x1a0, kIntel) & 1) != 0);
}

TEST_CASE("machine-check banks: as many as MCG_CAP says, and none behind them") {
    CpuState s;
    u64 value = 0;
    const u64 cap = value_of(s, 0x179, kAmd);
    CHECK((cap & 0xff) == kMachineCheckBanks);
    CHECK((cap & bit(8)) != 0);
    CHECK((cap & bit(10)) == 0);  // no CMCI: no CTL2 registers
    CHECK_FALSE(wrmsr(s, 0x179, cap, kAmd));
    for (u32 index = 0x400; index < 0x400 + 4 * kMachineCheckBanks; ++index) CHECK(value_of(s, index, kIntel) == 0);
    for (const u32 index : {0x17cu, 0x280u, 0x3ffu, 0x400u + 4 * kMachineCheckBanks}) {
        INFO(std::hex << index);
        CHECK_FALSE(rdmsr(s, index, value, kIntel));
        CHECK_FALSE(wrmsr(s, index, 0, kIntel));
    }
}

TEST_CASE("machine-check controls keep what is written; what banks report can only be cleared") {
    const u32 last = 0x400 + 4 * (kMachineCheckBanks - 1);
    CpuState s;
    for (const MsrTraits& traits : {kAmd, kIntel}) {
        for (const u32 control : {0x17bu, 0x400u, 0x410u, last}) {
            INFO(std::hex << control);
            CHECK(wrmsr(s, control, ~u64{0} - control, traits));
            CHECK(value_of(s, control, traits) == ~u64{0} - control);
        }
        for (const u32 status : {0x401u, 0x403u, last + 1, last + 3}) {
            INFO(std::hex << status);
            CHECK(wrmsr(s, status, 0, traits));
            CHECK_FALSE(wrmsr(s, status, 1, traits));
            CHECK_FALSE(wrmsr(s, status, bit(63), traits));
            CHECK(value_of(s, status, traits) == 0);
        }
    }
    CHECK_FALSE(wrmsr(s, last + 2, 1, kIntel));
    CHECK(wrmsr(s, last + 2, 0x1234, kAmd));
    CHECK(value_of(s, last + 2, kAmd) == 0x1234);
    CHECK_FALSE(wrmsr(s, 0x17a, 4, kIntel));
    CHECK(wrmsr(s, 0x17a, 7, kAmd));
    CHECK_FALSE(wrmsr(s, 0x17a, 8, kAmd));
    CHECK(value_of(s, 0x17a, kAmd) == 7);
    CHECK(wrmsr(s, 0x17a, 0, kIntel));
    reset_plain_msrs(s);
    CHECK(value_of(s, last, kAmd) == 0);
    CHECK(value_of(s, last + 2, kAmd) == 0);
}

TEST_CASE("a processor without MCA has none of its registers") {
    MsrTraits traits = kIntel;
    traits.machine_check = false;
    CpuState s;
    u64 value = 0;
    for (const u32 index : {0x179u, 0x17au, 0x17bu, 0x400u}) {
        CHECK_FALSE(rdmsr(s, index, value, traits));
        CHECK_FALSE(wrmsr(s, index, 0, traits));
    }
}
