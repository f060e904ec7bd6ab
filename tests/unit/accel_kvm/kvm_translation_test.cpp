// A guest that moves its pages and drops translations itself, under KVM and the translator in turn: neither may use what it
// knew of address translation before. SDM vol. 3, 4.10.4.
#include "mmu/page_walk.h"
#include "tests/unit/accel_kvm/switching.h"

namespace twin86::test {

namespace {

using namespace asmjit;

constexpr Gva kProgram = 0x600000, kWindows = 0x10000000;
constexpr Gva kKernel = JitGuest::kSystemBase + 0x100000, kTable = kKernel + kPageSize;
constexpr unsigned kWindowCount = 32;
constexpr u64 kCalls = 1500, kRoundsBetween = 600;

/// Sums up what the windows show, then asks for a change; R15 calls.
void sum_windows(x86::Assembler& a) {
    using namespace x86;
    const Label call = a.newLabel(), round = a.newLabel(), next = a.newLabel();
    a.bind(call);
    a.mov(r14d, kRoundsBetween);
    a.bind(round);
    a.mov(esi, kWindows);
    a.mov(ecx, kWindowCount);
    a.bind(next);
    a.imul(rax, rax, 31);
    a.add(rax, qword_ptr(rsi));
    a.inc(qword_ptr(rsi, 8));
    a.add(rsi, kPageSize);
    a.dec(ecx);
    a.jnz(next);
    a.dec(r14);
    a.jnz(round);
    a.syscall();
    a.dec(r15);
    a.jnz(call);
    a.int3();
}

/// Exchanges the entries of two windows that R13 chooses; every fourth call drops all translations, the others those two.
void exchange_windows(x86::Assembler& a) {
    using namespace x86;
    const Label all = a.newLabel(), done = a.newLabel();
    a.imul(r13, r13, 0x41c64e6d);
    a.add(r13, 12345);
    a.mov(rbx, r13), a.shr(rbx, 40), a.and_(ebx, kWindowCount - 1);
    a.mov(rdx, r13), a.shr(rdx, 50), a.and_(edx, kWindowCount - 1);
    a.mov(rdi, Imm(static_cast<i64>(kTable)));
    a.mov(r8, ptr(rdi, rbx, 3));
    a.mov(r9, ptr(rdi, rdx, 3));
    a.mov(ptr(rdi, rbx, 3), r9);
    a.mov(ptr(rdi, rdx, 3), r8);
    a.test(r15d, 3);
    a.jz(all);
    a.shl(ebx, 12), a.add(ebx, kWindows), a.invlpg(ptr(rbx));
    a.shl(edx, 12), a.add(edx, kWindows), a.invlpg(ptr(rdx));
    a.jmp(done);
    a.bind(all);
    a.mov(rbx, cr3);
    a.mov(cr3, rbx);
    a.bind(done);
    a.sysretq();
}

/// The page table that maps `address`.
Gpa table_of(KvmGuest& guest, Gva address) {
    Gpa table = guest.jit.initial().cr3;
    for (const unsigned shift : {39, 30, 21}) table = guest.jit.phys().read(table + (address >> shift & 511) * 8, 8) & 0xffffff000;
    return table;
}

CpuState prepared(KvmGuest& guest) {
    for (unsigned w = 0; w < kWindowCount; ++w) {
        guest.jit.map_new(kWindows + w * kPageSize, kPageSize, kUserPage | kWritablePage);
        guest.jit.phys().write(guest.jit.physical(kWindows + w * kPageSize), 8, 1000 + w);
    }
    guest.jit.map_new(kKernel, kPageSize, 0);
    guest.jit.map(kTable, table_of(guest, kWindows), kPageSize, kWritablePage);
    guest.jit.map_new(kProgram, kPageSize, kUserPage);
    assemble(guest, kKernel, exchange_windows);
    assemble(guest, kProgram, sum_windows);
    CpuState s = guest.start();
    s.efer |= kEferSCE;
    s.star = u64{0x1b} << 48 | u64{8} << 32, s.lstar = kKernel, s.sfmask = kFlagIF;
    s.rip = kProgram, s.gpr[kR15] = kCalls, s.gpr[kR13] = 86;
    return s;
}

/// The sum, and how often each page was written to.
std::vector<u64> outcome(KvmGuest& guest, const CpuState& s) {
    std::vector<u64> all{s.gpr[kRax]};
    for (unsigned w = 0; w < kWindowCount; ++w) {
        u64 words[2];
        guest.jit.read(kWindows + w * kPageSize, {reinterpret_cast<u8*>(words), sizeof words});
        all.insert(all.end(), words, words + 2);
    }
    return all;
}

}  // namespace

TEST_CASE("a guest remaps its pages while engines change: no stale translation is used") {
    NEED_KVM();
    KvmGuest reference;
    reference.jit.state() = prepared(reference);
    reference.jit.vcpu().state_changed();
    REQUIRE(reference.jit.vcpu().run() == RunExit::kHalted);
    const std::vector<u64> expected = outcome(reference, reference.jit.state());

    u64 switches = 0, runs = 0;
    for (unsigned round = 0; switches < 300 || runs < 100; ++round) {
        REQUIRE(round < 1000);  // a busy host switches less in each
        KvmGuest guest;
        SwitchingVcpu vcpu(guest);
        vcpu.state() = prepared(guest);
        vcpu.state_changed();
        REQUIRE(vcpu.run() == RunExit::kHalted);
        REQUIRE(outcome(guest, vcpu.state()) == expected);
        switches += vcpu.switches();
        runs += guest.vcpu().counters().runs;
    }
}

}  // namespace twin86::test
