// Instruction boundaries: interrupt shadows, single-stepping, and kicks while code runs in a loop.
#include <chrono>
#include <thread>

#include "tests/insn/insn_test.h"

namespace twin86::test {

using namespace asmjit;

namespace {
constexpr int kInterrupt = 0x40;
}

TEST_CASE("MOV SS holds interrupts back for one instruction", "[insn][boundary]") {
    InsnTest t;
    t.set_flags(kFlagIF);
    t.set(kRax, JitGuest::kKernelData), t.set(kRdx, 0);
    t.load([](auto& a) {
        a.mov(x86::ss, x86::eax);
        a.inc(x86::edx);
        a.inc(x86::edx);
    });
    // The interrupt is there before the first instruction: it comes before it, or, from the shadow, behind the second.
    t.guest.environment().pending_vector = kInterrupt;
    t.run(false);
    CHECK(t.last.vector == kInterrupt);
    CHECK(t.last.rip == kCodeAt);
    t.guest.start(kCodeAt, kStackTop, false);
    t.guest.state().gpr[kRax] = JitGuest::kKernelData;
    t.guest.state().rflags |= kFlagIF;
    t.guest.state().shadow = kShadowMovSs;
    t.guest.environment().pending_vector = kInterrupt;
    const GuestStop stop = t.guest.run();
    CHECK(stop.vector == kInterrupt);
    CHECK(stop.rip > kCodeAt);
}

TEST_CASE("An interrupt gets in between STI or POPF and CLI or POPF of the same block", "[insn][boundary]") {
    const std::function<void(InsnTest::Assembler&)> opens[] = {
        [](auto& a) { a.sti(), a.nop(); },
        [](auto& a) { a.push(kFlagIF | kFlagReserved1), a.popfq(); },
    };
    const std::function<void(InsnTest::Assembler&)> closes[] = {
        [](auto& a) { a.cli(); },
        [](auto& a) { a.popfq(); },
    };
    for (const auto& open : opens) {
        for (const auto& close : closes) {
            InsnTest t;
            t.load([&](auto& a) {
                a.push(kFlagReserved1);
                open(a);
                close(a);
                a.inc(x86::edx);
            });
            t.guest.environment().pending_vector = kInterrupt;
            t.run(false);
            CHECK(t.last.vector == kInterrupt);
            CHECK((t.last.rflags & kFlagIF) != 0);
        }
    }
}

TEST_CASE("STI and CLI side by side let nothing in", "[insn][boundary]") {
    InsnTest t;
    t.load([](auto& a) {
        Label loop = a.newLabel();
        a.mov(x86::ecx, 100);
        a.bind(loop);
        a.sti();
        a.cli();
        a.dec(x86::ecx);
        a.jnz(loop);
    });
    t.guest.environment().pending_vector = kInterrupt;
    CHECK(t.run(false).vector == kVectorBP);
}

TEST_CASE("TF traps after every instruction, the REP ones once per element", "[insn][boundary]") {
    InsnTest t;
    t.load([](auto& a) {
        a.mov(x86::eax, 1);
        a.rep().stosb();
    });
    t.set_flags(kFlagTF);
    t.set(kRdi, kDataAt), t.set(kRcx, 3);
    CHECK(t.run().vector == kVectorDB);
    CHECK(t.last.rip == kCodeAt + 5);
    CHECK((t.guest.state().dr[6] & bit(14)) != 0);
    CHECK(t.reg(kRax) == 1);
    CHECK((t.last.rflags & kFlagTF) != 0);
    // From the REP on.
    t.guest.start(kCodeAt + 5, kStackTop);
    t.guest.state().gpr[kRdi] = kDataAt, t.guest.state().gpr[kRcx] = 3;
    t.guest.state().rflags |= kFlagTF;
    const GuestStop stop = t.guest.run();
    CHECK(stop.vector == kVectorDB);
    CHECK(stop.rip == kCodeAt + 5);
    CHECK(t.guest.state().gpr[kRcx] == 2);
}

TEST_CASE("TF and taken branches, calls, loads that go the slow way", "[insn][boundary]") {
    InsnTest t;
    t.set_flags(kFlagTF | kFlagZF);
    const auto step = [&](const std::function<void(InsnTest::Assembler&)>& program) {
        t.load(program);
        t.run();
        CHECK(t.last.vector == kVectorDB);
        return t.last.rip - kCodeAt;
    };
    CHECK(step([](auto& a) { a.db(0x74), a.db(0x10); }) == 0x12);           // jz taken
    CHECK(step([](auto& a) { a.db(0x75), a.db(0x10); }) == 2);              // jnz not taken
    CHECK(step([](auto& a) { a.db(0xe8), a.dd(0x20); }) == 0x25);           // call
    t.set(kRbx, kDataAt + kPageSize - 2);
    CHECK(step([](auto& a) { a.mov(x86::eax, x86::dword_ptr(x86::rbx)); }) == 2);  // over a page border
    CHECK(step([](auto& a) { a.cpuid(); }) == 2);
    t.set(kRax, kCodeAt + 0x40);
    CHECK(step([](auto& a) { a.jmp(x86::rax); }) == 0x40);
}

TEST_CASE("request_exit ends an endless loop, and the loop goes on afterwards", "[insn][boundary]") {
    InsnTest t;
    t.load([](auto& a) {
        Label loop = a.newLabel();
        a.bind(loop);
        a.inc(x86::qword_ptr(x86::rbx));
        a.jmp(loop);
    });
    t.guest.start(kCodeAt, kStackTop);
    t.guest.state().gpr[kRbx] = kDataAt;
    for (unsigned round = 0; round < 3; ++round) {
        const u64 before = t.load_value(kDataAt);
        std::thread kicker([&] {
            while (t.load_value(kDataAt) == before) std::this_thread::yield();
            t.guest.vcpu().request_exit();
        });
        CHECK(t.guest.run().exit == RunExit::kInterrupted);
        kicker.join();
        CHECK(t.load_value(kDataAt) > before);
    }
}

TEST_CASE("A kick ends a long REP between pages", "[insn][boundary]") {
    InsnTest t;
    t.load([](auto& a) {
        Label loop = a.newLabel();
        a.bind(loop);
        a.mov(x86::edi, kDataAt);
        a.mov(x86::ecx, kDataSize);
        a.rep().stosb();
        a.jmp(loop);
    });
    t.guest.start(kCodeAt, kStackTop);
    for (unsigned round = 0; round < 50; ++round) {
        std::thread kicker([&] { t.guest.vcpu().request_exit(); });
        CHECK(t.guest.run().exit == RunExit::kInterrupted);
        kicker.join();
        const CpuState& s = t.guest.state();
        if (s.rip == kCodeAt + 10) CHECK(s.gpr[kRdi] + s.gpr[kRcx] == kDataAt + kDataSize);
    }
}

}  // namespace twin86::test
