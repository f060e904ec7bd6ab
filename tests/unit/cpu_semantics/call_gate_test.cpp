// Parameters of call gates, and far returns that release them. SDM vol. 3, 5.8.5 and 5.8.6; vol. 2, CALL and RET.
#include <cstdio>

#include "tests/unit/cpu_semantics/fixture.h"

namespace twin86 {

namespace {

constexpr u16 kGate = 0x70, kSmallStack3 = 0x68 | 3;
constexpr const char* kCallGateHex = "9a 00 00 00 00 73 00";

void gate_with_parameters(Fixture& f, unsigned parameters, unsigned type) {
    constexpr u64 kTarget = 0x5000;
    f.gdt(kGate, kTarget | u64{kCode32} << 16 | u64{parameters} << 32 | u64{0xe0u | type} << 40);
}

/// The values at the top of the outer stack, of 4 or 2 bytes.
u32 parameter(unsigned n, unsigned bytes) { return (0x5a5a0101u + n) & (bytes == 2 ? 0xffff : ~0u); }

void put_parameters(Fixture& f, u64 at, unsigned bytes) {
    for (unsigned n = 0; n < 32; ++n) {
        if (bytes == 2) f.host.store(at + n * 2, static_cast<u16>(parameter(n, 2)));
        else f.host.store(at + n * 4, parameter(n, 4));
    }
}

bool unmoved(const Fixture& f, u64 rsp) {
    return f.s.cpl() == 3 && f.s.gpr[kRsp] == rsp && f.s.rip == kCodeAt && f.s.segment[kSs].selector == kData3;
}

}  // namespace

TEST_CASE("call gates copy 0 to 31 parameters of their own size; RET n releases them on both stacks") {
    for (const unsigned type : {+kCallGate, +kCallGate16})
        for (unsigned count = 0; count < 32; ++count) {
            const unsigned bytes = type == kCallGate ? 4 : 2;
            INFO(count << " parameters of " << bytes << " bytes");
            Fixture f;
            f.protected_mode(3);
            gate_with_parameters(f, count, type);
            const u64 outer = kStack3 - 0x200;
            f.s.gpr[kRsp] = outer;
            put_parameters(f, outer, bytes);
            REQUIRE(f.run(kCallGateHex).ok());
            CHECK(f.s.rip == 0x5000);
            CHECK(f.s.cpl() == 0);
            CHECK(f.s.gpr[kRsp] == kStack0 - (4 + count) * bytes);
            CHECK(f.stack(0, bytes) == kCodeAt + 7);
            CHECK(f.stack(1, bytes) == kUser32);
            for (unsigned n = 0; n < count; ++n) CHECK(f.stack(2 + n, bytes) == parameter(n, bytes));
            CHECK(f.stack(2 + count, bytes) == truncate(outer, bytes));
            CHECK(f.stack(3 + count, bytes) == kData3);
            char ret[16];
            std::snprintf(ret, sizeof ret, "%sca %02x 00", bytes == 2 ? "66 " : "", count * bytes);
            f.s.rip = 0x5000;
            REQUIRE(f.run(ret).ok());
            CHECK(f.s.cpl() == 3);
            CHECK(f.s.rip == kCodeAt + 7);
            CHECK(f.s.gpr[kRsp] == truncate(outer, bytes) + count * bytes);
            CHECK(f.s.segment[kSs].selector == kData3);
        }
}

TEST_CASE("parameters come from a 16-bit stack around its end") {
    Fixture f;
    f.protected_mode(3);
    f.gdt(kSmallStack3, descriptor_bits(0x30000, 0xffff, 0xf3));
    f.s.segment[kSs] = {0x30000, 0xffff, kSmallStack3, 0xf3};
    gate_with_parameters(f, 3, kCallGate);
    f.s.gpr[kRsp] = 0x7777fffc;
    f.host.store(0x3fffc, u32{0x11});
    f.host.store(0x30000, u32{0x22});
    f.host.store(0x30004, u32{0x33});
    REQUIRE(f.run(kCallGateHex).ok());
    for (unsigned n = 0; n < 3; ++n) CHECK(f.stack(2 + n, 4) == 0x11 * (n + 1));
    CHECK(f.stack(5, 4) == 0x7777fffc);
    CHECK(f.stack(6, 4) == kSmallStack3);
}

TEST_CASE("a fault in the middle of the copy: nothing has changed") {
    Fixture f;
    f.protected_mode(3);
    gate_with_parameters(f, 8, kCallGate);
    f.s.gpr[kRsp] = 0x2fff0;
    const std::vector<u8> inner(f.host.memory.begin() + kStack0 - 64, f.host.memory.begin() + kStack0 + 64);
    SECTION("reading the outer stack: #PF of the user") {
        f.host.holes.push_back({0x30000, 0x30fff, false});
        const Outcome outcome = f.run(kCallGateHex);
        CHECK(outcome.vector == kVectorPF);
        CHECK(outcome.address >> 12 == 0x30);
        CHECK((outcome.error_code & (kPfUser | kPfWrite)) == kPfUser);
    }
    SECTION("beyond the outer stack's limit: #SS(0)") {
        f.s.segment[kSs].limit = 0x2ffff;
        CHECK(is_fault(f.run(kCallGateHex), kVectorSS, 0));
    }
    SECTION("writing the inner stack: #PF of the supervisor") {
        f.host.store(kTss + 4, u32{0x20010});
        f.host.holes.push_back({0x1f000, 0x1ffff, true});
        const Outcome outcome = f.run(kCallGateHex);
        CHECK(outcome.vector == kVectorPF);
        CHECK((outcome.error_code & (kPfUser | kPfWrite)) == kPfWrite);
    }
    SECTION("below the inner stack, which expands down: #SS with its selector") {
        f.gdt(kScratch, descriptor_bits(0, 0x1ffe0, 0x4097));
        f.host.store(kTss + 8, u32{kScratch});
        CHECK(is_fault(f.run(kCallGateHex), kVectorSS, kScratch));
    }
    CHECK(unmoved(f, 0x2fff0));
    CHECK(std::equal(inner.begin(), inner.end(), f.host.memory.begin() + kStack0 - 64));
}

TEST_CASE("64-bit gates copy nothing, whatever stands where the count was") {
    Fixture f;
    f.compatibility_mode();
    gate_with_parameters(f, 31, kCallGate);
    f.gdt(kGate, (f.host.load<u64>(kGdt + kGate) & ~(u64{0xffff} << 16)) | u64{kCode0} << 16);
    f.gdt(kGate + 8, 0);
    REQUIRE(f.run(kCallGateHex).ok());
    CHECK(f.s.mode64());
    CHECK(f.s.gpr[kRsp] == kStack0 - 32);
    CHECK(f.stack(0) == kCodeAt + 7);
    CHECK(f.stack(3) == kData3);
    REQUIRE(f.run("48 cb").ok());
    CHECK(f.s.cpl() == 3);
    CHECK(f.s.gpr[kRsp] == kStack3);
}

TEST_CASE("gates of the wrong width: long mode has no 16-bit call gates") {
    Fixture f;
    f.compatibility_mode();
    gate_with_parameters(f, 0, kCallGate16);
    f.gdt(kGate + 8, 0);
    CHECK(is_fault(f.run(kCallGateHex), kVectorGP, kGate));
    CHECK(unmoved(f, kStack3));
}

}  // namespace twin86
