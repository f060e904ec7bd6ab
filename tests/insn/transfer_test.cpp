// SYSCALL, SYSRET and IRETQ as a leaf helper does them (accel/jit/leaf/transfer.cpp) against the slow paths, which
// blocks of one instruction take.
#include <regex>

#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

namespace {

constexpr Gva kRoundAt = kCodeAt + 0x100, kEntry = kCodeAt + kPageSize, kUserAt = kCodeAt + 2 * kPageSize,
              kSecond = kUserAt + 0x800;
constexpr u64 kRounds = 60;

GuestOptions slow_options() {
    GuestOptions options;
    options.jit.max_insns = 1;
    return options;
}

class TransferTest : public InsnTest {
  public:
    explicit TransferTest(const GuestOptions& options = {}) : InsnTest(options) {}

    void go(u64 sfmask = kFlagIF) {
        prepare(sfmask);
        last = guest.run();
    }

    void prepare(u64 sfmask = kFlagIF) {
        guest.start(kCodeAt, kStackTop, false);
        CpuState& s = guest.state();
        s.efer |= kEferSCE;
        s.star = u64{JitGuest::kKernelCode} << 32 | u64{0x18} << 48;
        s.lstar = kEntry;
        s.sfmask = sfmask;
    }

    u64 transfers() {
        std::smatch found;
        const std::string text = guest.vcpu().statistics();
        REQUIRE(std::regex_search(text, found, std::regex("(\\d+) transfers inside")));
        return std::stoull(found[1]);
    }
};

void push_image(InsnTest::Assembler& a, u64 ss, u64 rsp, x86::Gp flags, u64 cs, u64 rip) {
    a.mov(x86::rax, ss), a.push(x86::rax);
    a.mov(x86::rax, rsp), a.push(x86::rax);
    a.push(flags);
    a.mov(x86::rax, cs), a.push(x86::rax);
    a.mov(x86::rax, rip), a.push(x86::rax);
}

/// rsi = a digest of all that was added.
void digest(InsnTest::Assembler& a, x86::Gp value) {
    a.rol(x86::rsi, 7);
    a.xor_(x86::rsi, value);
}

void digest_flags(InsnTest::Assembler& a) {
    a.pushfq();
    a.pop(x86::rdx);
    digest(a, x86::rdx);
}

/// Ring 0, IRETQ to ring 3, SYSCALL, SYSRET, SYSCALL, IRETQ to ring 0, and again, with other flags in each round.
void load_rounds(InsnTest& t, u64 inner_ss) {
    t.load([](auto& a) {
        a.mov(x86::r14d, kRounds), a.mov(x86::r12, x86::rsp), a.mov(x86::ebx, 0x12345), a.xor_(x86::r13d, x86::r13d);
        a.jmp(kRoundAt);
    });
    t.load(
        [&](auto& a) {
            a.imul(x86::rbx, x86::rbx, 0x5deece6d);
            a.mov(x86::r8, x86::rbx), a.shr(x86::r8, 24);
            a.and_(x86::r8, static_cast<i32>(kFlagsArithmetic | kFlagDF)), a.or_(x86::r8, 2);
            push_image(a, JitGuest::kUserData, kStackAt + 0x800, x86::r8, JitGuest::kUserCode, kUserAt);
            a.iretq();
        },
        kRoundAt);
    t.load([](auto& a) { digest_flags(a), a.syscall(); }, kUserAt);
    t.load([](auto& a) { digest_flags(a), digest(a, x86::rsp), a.syscall(); }, kSecond);
    t.load(
        [&](auto& a) {
            const Label second = a.newLabel(), back = a.newLabel();
            digest(a, x86::rcx), digest(a, x86::r11), digest_flags(a);
            a.mov(x86::eax, x86::ss), digest(a, x86::rax), a.mov(x86::eax, x86::cs), digest(a, x86::rax);
            a.xor_(x86::r13d, 1);
            a.jz(second);
            a.mov(x86::ecx, static_cast<u32>(kSecond)), a.mov(x86::r11, x86::r8),
                a.xor_(x86::r11, static_cast<i32>(kFlagsArithmetic));
            a.sysretq();
            a.bind(second);
            a.mov(x86::rsp, x86::r12);
            a.mov(x86::rax, inner_ss), a.push(x86::rax), a.push(x86::r12), a.push(x86::r8);
            a.mov(x86::rax, static_cast<u64>(JitGuest::kKernelCode)), a.push(x86::rax);
            a.lea(x86::rax, x86::ptr(back)), a.push(x86::rax);
            a.iretq();
            a.bind(back);
            digest_flags(a);
            a.mov(x86::eax, x86::ss), digest(a, x86::rax);
            a.cld();
            a.dec(x86::r14d);
            a.jnz(kRoundAt);
        },
        kEntry);
}

}  // namespace

TEST_CASE("SYSCALL, SYSRET and IRETQ between the rings do inside what the slow paths do", "[insn][transfer]") {
    const u64 inner_ss = GENERATE(u64{JitGuest::kKernelData}, u64{0});
    const u64 sfmask = GENERATE(u64{kFlagIF | kFlagDF}, u64{0x257fd5}, u64{0});
    TransferTest fast, slow(slow_options());
    for (TransferTest* t : {&fast, &slow}) load_rounds(*t, inner_ss), t->go(sfmask);
    REQUIRE(slow.last.vector == kVectorBP);
    CHECK(slow.reg(kR14) == 0);
    CHECK(fast.last.vector == slow.last.vector);
    CHECK(fast.last.rip == slow.last.rip);
    CHECK(fast.last.rflags == slow.last.rflags);
    for (unsigned r = 0; r < 16; ++r) CHECK(fast.reg(static_cast<Gpr>(r)) == slow.reg(static_cast<Gpr>(r)));
    CHECK(slow.transfers() == 0);
    CHECK(fast.transfers() > kRounds * 3);
}

TEST_CASE("IRETQ images that are not plain: faults, traps and segments as the slow path has them", "[insn][transfer]") {
    struct Image {
        u64 ss, rsp, flags, cs, rip;
    };
    constexpr u64 kSs = JitGuest::kUserData, kSp = kStackTop, kCs = JitGuest::kUserCode, kNonCanonical = u64{1} << 47;
    const std::vector<Image> images{
        {kSs, kSp, 2, kCs, kUserAt},
        {kSs, kSp, 2 | kFlagTF, kCs, kUserAt},
        {kSs, kSp, 2 | kFlagAC | kFlagID, kCs, kUserAt},
        {kSs, kSp, 2 | kFlagNT, kCs, kUserAt},
        {kSs, kSp, 2 | kFlagVM, kCs, kUserAt},
        {kSs, kSp, 2 | kFlagVIP | kFlagVIF, kCs, kUserAt},
        {kSs, kSp, ~u64{0} & ~u64{kFlagTF}, kCs, kUserAt},
        {kSs, kSp, 2, kCs, kNonCanonical},
        {kSs, kNonCanonical, 2, kCs, kUserAt},
        {kSs & ~u64{3}, kSp, 2, kCs, kUserAt},
        {0, kSp, 2, kCs, kUserAt},
        {3, kSp, 2, kCs, kUserAt},
        {kSs, kSp, 2, kCs & ~u64{3}, kUserAt},
        {kSs, kSp, 2, (kCs & ~u64{3}) | 1, kUserAt},
        {kSs, kSp, 2, kCs | 4, kUserAt},
        {kSs, kSp, 2, 0, kUserAt},
        {kSs, kSp, 2, 0xfff8 | 3, kUserAt},
        {kSs, kSp, 2, kSs, kUserAt},
        {kCs, kSp, 2, kCs, kUserAt},
        {kSs, kSp, 2, JitGuest::kUserCode32, kUserAt},
        {kSs, kSp, 2, JitGuest::kTaskState, kUserAt},
        {JitGuest::kKernelData, kSp, 2, JitGuest::kKernelCode, kUserAt},
        {0, kSp, 2, JitGuest::kKernelCode, kUserAt},
        {kSs, kSp, 2, JitGuest::kKernelCode, kUserAt},
    };
    const u32 data = GENERATE(u32{JitGuest::kUserData}, u32{JitGuest::kKernelData}, 1u, 3u);
    TransferTest fast, slow(slow_options());
    for (TransferTest* t : {&fast, &slow})
        t->load([](auto& a) { a.pushfq(), a.pop(x86::rdx), a.mov(x86::ecx, x86::ds); }, kUserAt);
    for (const Image& i : images) {
        for (TransferTest* t : {&fast, &slow}) {
            t->load([&](auto& a) {
                a.mov(x86::eax, data);
                a.mov(x86::ds, x86::eax);
                a.mov(x86::rdx, i.flags), a.mov(x86::rcx, x86::rdx);
                push_image(a, i.ss, i.rsp, x86::rdx, i.cs, i.rip);
                a.iretq();
            });
            t->go();
        }
        INFO(fmt::format("ss {:x} rsp {:x} flags {:x} cs {:x} rip {:x}", i.ss, i.rsp, i.flags, i.cs, i.rip));
        CHECK(fast.last.vector == slow.last.vector);
        CHECK(fast.last.error_code == slow.last.error_code);
        CHECK(fast.last.rip == slow.last.rip);
        CHECK(fast.last.rflags == slow.last.rflags);
        CHECK(fast.last.rsp == slow.last.rsp);
        CHECK(fast.reg(kRdx) == slow.reg(kRdx));
        CHECK(fast.reg(kRcx) == slow.reg(kRcx));
    }
    CHECK(slow.transfers() == 0);
    CHECK(fast.transfers() > 0);
    if (data == JitGuest::kUserData) return;
    // Only the plain image: what ring 3 sees of a segment that it may not use, and of a null selector.
    for (TransferTest* t : {&fast, &slow}) {
        t->load([&](auto& a) {
            a.mov(x86::eax, data), a.mov(x86::ds, x86::eax), a.mov(x86::edx, 2);
            push_image(a, kSs, kSp, x86::rdx, kCs, kUserAt);
            a.iretq();
        });
        t->go();
        CHECK(t->reg(kRcx) == 0);
    }
}

TEST_CASE("An interrupt that waits gets in where SYSRET or IRETQ sets IF", "[insn][transfer]") {
    constexpr int kInterrupt = 0x40;
    const bool by_iret = GENERATE(true, false);
    TransferTest t;
    t.load([&](auto& a) {
        a.mov(x86::edx, static_cast<u32>(kFlagIF | kFlagReserved1));
        if (by_iret) {
            push_image(a, JitGuest::kUserData, kStackTop, x86::rdx, JitGuest::kUserCode, kUserAt);
            a.iretq();
        } else {
            a.mov(x86::ecx, static_cast<u32>(kUserAt)), a.mov(x86::r11, x86::rdx);
            a.sysretq();
        }
    });
    t.load([](auto& a) { a.nop(), a.nop(); }, kUserAt);
    t.go();  // the target is known from now on
    REQUIRE(t.last.vector == kVectorBP);
    t.guest.environment().pending_vector = kInterrupt;
    t.go();
    CHECK(t.last.vector == kInterrupt);
    CHECK(t.last.rip == kUserAt);
}

TEST_CASE("the way back to ring 3 ends the run for who asked for it, once", "[insn][transfer]") {
    TransferTest t;
    load_rounds(t, 0);
    t.go();
    const u64 digested = t.reg(kRsi);
    t.prepare();
    CpuState& s = t.guest.state();
    jit::JitVcpu& vcpu = t.guest.vcpu();
    for (unsigned n = 0; n < 2 * kRounds; ++n) {
        REQUIRE(vcpu.return_at_user());
        REQUIRE(vcpu.run() == RunExit::kInterrupted);
        REQUIRE(s.rip == (n % 2 == 0 ? kUserAt : kSecond));
        REQUIRE(s.cpl() == 3);
    }
    REQUIRE(vcpu.run() == RunExit::kHalted);
    CHECK(s.gpr[kRsi] == digested);
}

TEST_CASE("an interrupt that waits at the way back is taken first", "[insn][transfer]") {
    TransferTest t;
    load_rounds(t, 0);
    t.prepare();
    t.guest.state().rflags &= ~u64{kFlagIF};
    t.load(
        [&](auto& a) {
            a.mov(x86::r8d, kFlagIF | 2);
            push_image(a, JitGuest::kUserData, kStackAt + 0x800, x86::r8, JitGuest::kUserCode, kUserAt);
            a.iretq();
        },
        kRoundAt);
    t.guest.environment().pending_vector = 0x41;
    REQUIRE(t.guest.vcpu().return_at_user());
    CHECK(t.guest.vcpu().run() == RunExit::kHalted);  // in the handler
    CHECK(t.guest.state().cpl() == 0);
    CHECK(t.guest.environment().pending_vector == -1);
}

}  // namespace twin86::test
