// Control and debug registers, EFER and other MSRs. SDM vol. 3, 2.5, 4.1, 17.2; vol. 4.
#include "tests/unit/cpu_semantics/fixture.h"

namespace twin86 {

namespace {

Outcome write_cr(Fixture& f, unsigned number, u64 value) {
    f.s.gpr[kRax] = value;
    switch (number) {
        case 0:
            return f.run("0f 22 c0");
        case 3:
            return f.run("0f 22 d8");
        case 4:
            return f.run("0f 22 e0");
        default:
            return f.run("44 0f 22 c0");
    }
}

Outcome wrmsr(Fixture& f, u32 index, u64 value) {
    f.s.gpr[kRcx] = index;
    f.s.gpr[kRax] = static_cast<u32>(value);
    f.s.gpr[kRdx] = value >> 32;
    return f.run("0f 30");
}

Outcome rdmsr(Fixture& f, u32 index, u64& value) {
    f.s.gpr[kRcx] = index;
    const Outcome outcome = f.run("0f 32");
    value = f.s.gpr[kRdx] << 32 | f.s.gpr[kRax];
    return outcome;
}

constexpr u64 kLongCr0 = kCr0PE | kCr0PG | kCr0ET | kCr0NE | kCr0WP;

}  // namespace

TEST_CASE("mov cr0: consistency of its bits") {
    Fixture f;
    f.long_mode(0);
    CHECK(is_fault(write_cr(f, 0, kLongCr0 & ~u64{kCr0PE}), kVectorGP, 0));
    CHECK(is_fault(write_cr(f, 0, kLongCr0 | kCr0NW), kVectorGP, 0));
    CHECK(is_fault(write_cr(f, 0, kLongCr0 | bit(32)), kVectorGP, 0));
    CHECK(is_fault(write_cr(f, 0, kLongCr0 & ~u64{kCr0PG}), kVectorGP, 0));  // CS.L is set
    CHECK(f.s.cr0 == kLongCr0);
    CHECK(write_cr(f, 0, (kLongCr0 | kCr0NW | kCr0CD | bit(6)) & ~u64{kCr0ET}).ok());
    CHECK(f.s.cr0 == (kLongCr0 | kCr0NW | kCr0CD));  // ET is fixed, undefined bits stay 0
    CHECK(f.host.flushes.empty());
    CHECK(write_cr(f, 0, kLongCr0 & ~u64{kCr0WP}).ok());
    CHECK(f.host.flushes.size() == 1);
}

TEST_CASE("entering and leaving long mode: LMA follows PG (9.8.5)") {
    Fixture f;
    f.protected_mode(0);
    f.s.efer = kEferLME;
    CHECK(is_fault(write_cr(f, 0, f.s.cr0 | kCr0PG), kVectorGP, 0));  // without PAE
    CHECK(write_cr(f, 4, kCr4PAE).ok());
    CHECK(write_cr(f, 0, f.s.cr0 | kCr0PG).ok());
    CHECK(f.s.long_mode());
    CHECK_FALSE(f.s.mode64());
    CHECK(is_fault(write_cr(f, 4, 0), kVectorGP, 0));        // PAE is needed now
    CHECK(is_fault(wrmsr(f, 0xc0000080, 0), kVectorGP, 0));  // LME cannot change under paging
    CHECK(write_cr(f, 0, kCr0PE).ok());
    CHECK_FALSE(f.s.long_mode());
    CHECK((f.s.efer & kEferLME) != 0);
    f.s.segment[kCs].attributes |= 0x2000;
    CHECK(is_fault(write_cr(f, 0, kCr0PE | kCr0PG), kVectorGP, 0));  // CS.L
}

TEST_CASE("entering long mode with a 16-bit TSS: #GP on Intel (9.8.5), AMD does not look") {
    const bool amd = GENERATE(true, false);
    const u16 attributes = GENERATE(as<u16>{}, 0x81, 0x83, 0x89, 0x8b);
    INFO("AMD " << amd << ", TR " << std::hex << attributes);
    Fixture f(amd);
    f.protected_mode(0);
    f.s.efer = kEferLME;
    f.s.tr.attributes = attributes;
    CHECK(write_cr(f, 4, kCr4PAE).ok());
    const bool narrow = attributes < 0x88;
    const Outcome outcome = write_cr(f, 0, f.s.cr0 | kCr0PG);
    CHECK(outcome.ok() == (amd || !narrow));
    CHECK(f.s.long_mode() == outcome.ok());
    if (!outcome.ok()) CHECK(is_fault(outcome, kVectorGP, 0));
    f.s.efer = 0, f.s.cr0 = kCr0PE;  // legacy paging takes any
    CHECK(write_cr(f, 0, f.s.cr0 | kCr0PG).ok());
}

TEST_CASE("mov cr3: reserved bits and the no-flush bit of PCIDs") {
    Fixture f;
    f.long_mode(0);
    CHECK(is_fault(write_cr(f, 3, bit(40)), kVectorGP, 0));
    CHECK(is_fault(write_cr(f, 3, bit(63) | 0x1000), kVectorGP, 0));
    CHECK(write_cr(f, 3, 0x1018).ok());
    CHECK(f.s.cr3 == 0x1018);
    CHECK(is_fault(write_cr(f, 4, f.s.cr4 | kCr4PCIDE), kVectorGP, 0));  // CR3[11:0] must be 0
    CHECK(write_cr(f, 3, 0x1000).ok());
    CHECK(write_cr(f, 4, f.s.cr4 | kCr4PCIDE).ok());
    CHECK(write_cr(f, 3, bit(63) | 0x2001).ok());
    CHECK(f.s.cr3 == 0x2001);
    CHECK(f.host.switches == std::vector<bool>{false, false, true});
    CHECK(is_fault(write_cr(f, 3, bit(62)), kVectorGP, 0));
}

TEST_CASE("PAE paging checks its pointers when CR0, CR3 or CR4 load them (4.4.1)") {
    Fixture f;
    f.protected_mode(0);
    f.host.bad_pae_pointers = 0x2000;
    f.s.cr3 = 0x2000;
    CHECK(write_cr(f, 3, 0x2000).ok());  // no paging yet
    CHECK(write_cr(f, 4, kCr4PAE).ok());
    CHECK(is_fault(write_cr(f, 0, f.s.cr0 | kCr0PG), kVectorGP, 0));
    CHECK((f.s.cr0 & kCr0PG) == 0);
    CHECK(write_cr(f, 3, 0x3000).ok());
    CHECK(write_cr(f, 0, f.s.cr0 | kCr0PG).ok());
    CHECK(is_fault(write_cr(f, 3, 0x2000), kVectorGP, 0));
    CHECK(f.s.cr3 == 0x3000);
    CHECK(write_cr(f, 4, 0).ok());
    CHECK(write_cr(f, 3, 0x2000).ok());  // 32-bit paging has no pointers
    CHECK(is_fault(write_cr(f, 4, kCr4PAE), kVectorGP, 0));
    CHECK((f.s.cr4 & kCr4PAE) == 0);
}

TEST_CASE("mov cr4: bits that CPUID does not offer, PCIDE outside long mode, flushes") {
    Fixture f;
    f.long_mode(0);
    CHECK(is_fault(write_cr(f, 4, f.s.cr4 | bit(13)), kVectorGP, 0));  // VMXE
    CHECK(is_fault(write_cr(f, 4, f.s.cr4 | kCr4LA57), kVectorGP, 0));
    CHECK(is_fault(write_cr(f, 4, f.s.cr4 | bit(40)), kVectorGP, 0));
    CHECK(write_cr(f, 4, f.s.cr4 | kCr4PGE | kCr4SMEP | kCr4SMAP | kCr4UMIP).ok());
    CHECK(f.host.flushes.size() == 1);
    CHECK(f.host.flushes[0].first == FlushKind::kAll);
    Fixture legacy;
    legacy.protected_mode(0);
    CHECK(is_fault(write_cr(legacy, 4, kCr4PCIDE), kVectorGP, 0));
}

TEST_CASE("cr8 is the task priority; other numbers do not exist; CPL 3 is #GP") {
    Fixture f;
    f.long_mode(0);
    CHECK(write_cr(f, 8, 9).ok());
    CHECK(f.host.tpr == 9);
    CHECK(is_fault(write_cr(f, 8, 16), kVectorGP, 0));
    CHECK(f.run("44 0f 20 c3").ok());  // mov rbx, cr8
    CHECK(f.s.gpr[kRbx] == 9);
    Fixture user;
    user.long_mode(3);
    CHECK(is_fault(write_cr(user, 0, kLongCr0), kVectorGP, 0));
    CHECK(is_fault(user.run("0f 20 c0"), kVectorGP, 0));
    CHECK(is_fault(user.run("0f 06"), kVectorGP, 0));
}

TEST_CASE("lmsw sets PE but never clears it; smsw and UMIP") {
    Fixture f;
    f.protected_mode(0);
    f.s.gpr[kRax] = 0xe;
    CHECK(f.run("0f 01 f0").ok());
    CHECK((f.s.cr0 & 0xf) == 0xf);
    CHECK(f.run("0f 06").ok());  // clts
    CHECK((f.s.cr0 & 0xf) == 7);
    CHECK(f.run("0f 01 e3").ok());  // smsw ebx
    CHECK(f.s.gpr[kRbx] == f.s.cr0);
    Fixture user;
    user.long_mode(3);
    CHECK(user.run("0f 01 e3").ok());
    user.s.cr4 |= kCr4UMIP;
    CHECK(is_fault(user.run("0f 01 e3"), kVectorGP, 0));
    CHECK(is_fault(user.run("0f 00 c8"), kVectorGP, 0));  // str
}

TEST_CASE("debug registers: aliases, reserved bits, general detect") {
    Fixture f;
    f.long_mode(0);
    f.s.gpr[kRax] = 0xffffffff;
    CHECK(f.run("0f 23 f8").ok());
    CHECK(f.s.dr[7] == 0xffff27ff);
    CHECK(is_fault(f.run("0f 21 fb"), kVectorDB));  // GD is set: any access
    CHECK(f.run("0f 21 fb").address == bit(13));
    f.s.dr[7] = 0x400;
    CHECK(f.run("0f 23 e0").ok());  // DR4 is DR6
    CHECK(f.s.dr[6] == 0xffffefff);
    f.s.cr4 |= kCr4DE;
    CHECK(is_fault(f.run("0f 23 e0"), kVectorUD));
    f.s.gpr[kRax] = bit(32);
    CHECK(is_fault(f.run("0f 23 f8"), kVectorGP, 0));
    CHECK(f.run("0f 23 c0").ok());
    CHECK(f.s.dr[0] == bit(32));
}

TEST_CASE("msr: EFER, bases, canonical addresses, unknown registers") {
    Fixture f;
    f.long_mode(0);
    CHECK(is_fault(wrmsr(f, 0xc0000080, f.s.efer | bit(1)), kVectorGP, 0));
    CHECK(wrmsr(f, 0xc0000080, f.s.efer & ~u64{kEferLMA | kEferNXE}).ok());
    CHECK(f.s.efer == (kEferSCE | kEferLME | kEferLMA));
    CHECK(f.host.flushes.size() == 1);
    const u32 address_msr = GENERATE(0xc0000082u, 0xc0000083u, 0xc0000100u, 0xc0000101u, 0xc0000102u, 0x175u, 0x176u);
    u64 value = 0;
    CHECK(is_fault(wrmsr(f, address_msr, 0x8000000000000000), kVectorGP, 0));
    CHECK(wrmsr(f, address_msr, 0xffff880012345678).ok());
    CHECK(rdmsr(f, address_msr, value).ok());
    CHECK(value == 0xffff880012345678);
    CHECK(is_fault(rdmsr(f, 0x12345, value), kVectorGP, 0));
    CHECK(f.host.log.size() >= 1);
    Fixture user;
    user.long_mode(3);
    CHECK(is_fault(rdmsr(user, 0xc0000080, value), kVectorGP, 0));
    CHECK(is_fault(wrmsr(user, 0xc0000080, 0), kVectorGP, 0));
}

TEST_CASE("msr: XSS has no bits") {
    Fixture f;
    f.long_mode(0);
    u64 value = 1;
    CHECK(rdmsr(f, 0xda0, value).ok());
    CHECK(value == 0);
    CHECK(wrmsr(f, 0xda0, 0).ok());
    for (unsigned n = 0; n < 64; ++n) CHECK(is_fault(wrmsr(f, 0xda0, bit(n)), kVectorGP, 0));
}

TEST_CASE("rdpmc: no counter exists, whatever CPL, CR4.PCE and the index are") {
    for (const unsigned cpl : {0u, 3u})
        for (const u64 pce : {u64{0}, u64{kCr4PCE}})
            for (const u64 index : {u64{0}, u64{5}, u64{0x40000000}, u64{0xffffffff}}) {
                Fixture f;
                f.long_mode(cpl);
                f.s.cr4 |= pce;
                f.s.gpr[kRcx] = index;
                CHECK(is_fault(f.run("0f 33"), kVectorGP, 0));
            }
}

TEST_CASE("msr: unknown registers read as 0 under ignore-msrs; known ones keep their faults") {
    Fixture f;
    f.long_mode(0);
    f.cpuid.ignore_msrs = true;
    f.holder.emplace(f.s, f.host, f.cpuid);
    u64 value = 1;
    CHECK(rdmsr(f, 0x12345, value).ok());
    CHECK(value == 0);
    CHECK(wrmsr(f, 0x12345, 7).ok());
    CHECK(is_fault(wrmsr(f, 0xc0000080, bit(1)), kVectorGP, 0));           // EFER, reserved bit
    CHECK(is_fault(wrmsr(f, 0x277, 0x0007040600070402), kVectorGP, 0));    // PAT, reserved type
    CHECK(is_fault(wrmsr(f, 0xc0000082, 0x8000000000000000), kVectorGP, 0));
    f.long_mode(3);
    CHECK(is_fault(rdmsr(f, 0x12345, value), kVectorGP, 0));
}

TEST_CASE("clzero: the line of 64 bytes around rAX") {
    Fixture f;
    f.long_mode(3);
    const Gva line = 0x21000;
    for (unsigned at = 0; at < 192; at += 8) f.host.store<u64>(line - 64 + at, ~u64{0});
    f.s.gpr[kRax] = line + 17;
    CHECK(f.run("0f 01 fc").ok());
    for (unsigned at = 0; at < 192; at += 8) {
        INFO(at);
        CHECK(f.host.load<u64>(line - 64 + at) == (at >= 64 && at < 128 ? 0 : ~u64{0}));
    }
}

TEST_CASE("msr: registers without their CPUID bit, memory types, APIC registers") {
    Fixture f;
    f.long_mode(0);
    u64 value = 0;
    CHECK(is_fault(wrmsr(f, 0x48, 1), kVectorGP, 0));  // SPEC_CTRL is not offered
    CHECK(is_fault(wrmsr(f, 0x49, 1), kVectorGP, 0));
    CHECK(is_fault(wrmsr(f, 0x277, 0x0007040600070402), kVectorGP, 0));
    CHECK(wrmsr(f, 0x277, 0x0007050600070401).ok());
    CHECK(f.s.pat == 0x0007050600070401);
    CHECK(is_fault(rdmsr(f, 0x802, value), kVectorGP, 0));
    f.host.apic_msrs[0x802] = 7;
    CHECK(rdmsr(f, 0x802, value).ok());
    CHECK(value == 7);
    f.host.apic_msrs[0x6e0] = 0;
    CHECK(wrmsr(f, 0x6e0, 1234).ok());
    CHECK(f.host.apic_msrs[0x6e0] == 1234);
    CHECK(is_fault(wrmsr(f, 0xda0, 0x100), kVectorGP, 0));
}

TEST_CASE("time stamp: TSC and TSC_ADJUST move together (17.17.3); TSD; RDTSCP and RDPID") {
    Fixture f;
    f.long_mode(0);
    f.host.tsc = 1000;
    u64 value = 0;
    CHECK(wrmsr(f, 0x10, 0x500000000).ok());
    CHECK(rdmsr(f, 0x10, value).ok());
    CHECK(value == 0x500000000);
    CHECK(f.s.tsc_adjust == 0x500000000 - 1000);
    CHECK(wrmsr(f, 0x3b, 5).ok());
    CHECK(f.run("0f 31").ok());
    CHECK(f.s.gpr[kRax] == 1005);
    CHECK(wrmsr(f, 0xc0000103, 77).ok());
    CHECK(is_fault(wrmsr(f, 0xc0000103, bit(32)), kVectorGP, 0));
    CHECK(f.run("0f 01 f9").ok());
    CHECK(f.s.gpr[kRcx] == 77);
    CHECK(f.run("f3 0f c7 fb").ok());  // rdpid rbx
    CHECK(f.s.gpr[kRbx] == 77);
    Fixture user;
    user.long_mode(3);
    CHECK(user.run("0f 31").ok());
    user.s.cr4 |= kCr4TSD;
    CHECK(is_fault(user.run("0f 31"), kVectorGP, 0));
    CHECK(is_fault(user.run("0f 01 f9"), kVectorGP, 0));
}

TEST_CASE("cpuid zero-extends, invlpg and invpcid reach the host") {
    Fixture f;
    f.long_mode(0);
    f.s.gpr[kRax] = 0xffffffff00000000;
    CHECK(f.run("0f a2").ok());
    CHECK(f.s.gpr[kRax] == 0xd);
    CHECK(f.s.gpr[kRbx] == 0x68747541);
    f.s.gpr[kRbx] = 0xffff880000001234;
    CHECK(f.run("0f 01 3b").ok());
    CHECK(f.host.flushed_pages.back().first == 0xffff880000001234);
    f.s.gpr[kRbx] = 0x8000000000000000;
    CHECK(f.run("0f 01 3b").ok());
    CHECK(f.host.flushed_pages.size() == 1);
    const auto invpcid = [&](u64 type, u64 pcid, u64 address) {
        f.s.gpr[kRax] = type;
        f.s.gpr[kRbx] = 0x9000;
        f.host.store(0x9000, pcid);
        f.host.store(0x9008, address);
        return f.run("66 0f 38 82 03");
    };
    CHECK(is_fault(invpcid(4, 0, 0), kVectorGP, 0));
    CHECK(is_fault(invpcid(0, 0x1000, 0), kVectorGP, 0));
    CHECK(is_fault(invpcid(0, 0, bit(63)), kVectorGP, 0));
    CHECK(is_fault(invpcid(1, 5, 0), kVectorGP, 0));  // PCIDE is off
    CHECK(invpcid(2, 0, 0).ok());
    CHECK(f.host.flushes.back().first == FlushKind::kAll);
    CHECK(invpcid(3, 0, 0).ok());
    CHECK(f.host.flushes.back().first == FlushKind::kNonGlobal);
    f.s.cr4 |= kCr4PCIDE;
    CHECK(invpcid(1, 5, 0).ok());
    CHECK(f.host.flushes.back() == std::pair<FlushKind, unsigned>{FlushKind::kPcid, 5});
}

TEST_CASE("every op that names a slow path has one, and no other") {
#define X(name) CHECK(op_handler(Op::k##name) != nullptr);
    TWIN86_HELPER_OPS(X)
    TWIN86_END_BLOCK_OPS(X)
#undef X
#define X(name) CHECK(op_handler(Op::k##name) == nullptr);
        TWIN86_SPECIAL_OPS(X)
#undef X
            CHECK(op_handler(Op::kNone) == nullptr);
}

TEST_CASE("monitor: the address is checked as for a read, but nothing is read (SDM vol. 2, MONITOR)") {
    Fixture f;
    f.protected_mode(0);
    const unsigned before = f.host.reads;
    f.s.gpr[kRax] = 0x30123;
    f.s.gpr[kRcx] = 0;
    REQUIRE(f.run("0f 01 c8").ok());
    CHECK(f.host.reads == before);
    f.s.segment[kDs].limit = 0x30122;
    CHECK(is_fault(f.run("0f 01 c8"), kVectorGP, 0));
    f.s.segment[kDs].limit = ~u32{0};
    f.host.holes.push_back({0x30000, 0x30fff, false});
    CHECK(is_fault(f.run("0f 01 c8"), kVectorPF, kPfUser));  // the fake host knows no CPL here
    f.s.gpr[kRcx] = 1;
    CHECK(is_fault(f.run("0f 01 c8"), kVectorGP, 0));
}

TEST_CASE("privileged instructions are #GP(0) at CPL 3 and in VM86 mode") {
    const std::string hex =
        GENERATE(as<std::string>{}, "f4", "0f 06", "0f 08", "0f 09", "0f 30", "0f 32", "0f 22 c0", "0f 20 c0",
                 "0f 23 c0", "0f 21 c0", "0f 01 f0", "0f 01 3f", "0f 01 17", "0f 01 1f");
    Fixture f;
    SECTION("64 bit") {
        f.long_mode(3);
    }
    SECTION("32 bit") {
        f.protected_mode(3);
    }
    SECTION("VM86") {
        f.vm86_mode(3);
    }
    CHECK(is_fault(f.run(hex), kVectorGP, 0));
}

}  // namespace twin86
