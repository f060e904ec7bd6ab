// One program under KVM and the translator in turn: what it computes, which interrupts it takes, what it writes over its own
// code must not depend on who executed which part.
#include <thread>

#include "tests/unit/accel_kvm/switching.h"

namespace twin86::test {

namespace {

using namespace asmjit;

constexpr Gva kProgram = 0x600000, kBuffer = 0x700000;
constexpr u64 kBufferBytes = 16 * kPageSize;
constexpr Gva kKernel = JitGuest::kSystemBase + 0x100000;  ///< SYSCALL's entry; behind it the interrupt handler's
constexpr Gva kInterruptHandler = kKernel + 0x100, kCalls = kKernel + kPageSize, kInterrupts = kCalls + 8;
constexpr u8 kVector = 0x41;

/// Integers, SSE, AVX and x87 over memory, a system call and a change of its own code every 1024 rounds; INT3 ends it.
void compute(x86::Assembler& a) {
    using namespace x86;
    const Label next = a.newLabel(), on = a.newLabel(), patched = a.newLabel();
    a.fldz();
    a.bind(next);
    a.add(rax, rcx);
    a.rol(rax, 7);
    a.imul(rdx, rax, 0x21);
    a.cvtsi2sd(xmm0, rcx);
    a.sqrtsd(xmm0, xmm0);
    a.addsd(xmm1, xmm0);
    a.vmovq(xmm3, rdx);
    a.vpbroadcastq(ymm3, xmm3);
    a.vpaddq(ymm2, ymm2, ymm3);
    a.mov(qword_ptr(rsp, -8), rcx);
    a.fild(qword_ptr(rsp, -8));
    a.fsqrt();
    a.faddp();
    a.mov(rbx, rdx);
    a.shr(rbx, 51);
    a.xor_(qword_ptr(rdi, rbx, 3), rax);
    a.bind(patched);
    a.mov(ebp, 0x11111111);
    a.add(rax, rbp);
    a.test(ecx, 0x3ff);
    a.jnz(on);
    a.lea(rbx, ptr(patched));
    a.mov(dword_ptr(rbx, 1), edx);
    a.mov(rsi, rcx);
    a.syscall();
    a.mov(rcx, rsi);
    a.bind(on);
    a.dec(rcx);
    a.jnz(next);
    a.fstp(qword_ptr(rdi));
    a.movsd(qword_ptr(rdi, 8), xmm1);
    a.vmovdqu(ptr(rdi, 32), ymm2);
    a.int3();
}

void put_handlers(KvmGuest& guest) {
    guest.jit.map_new(kKernel, 2 * kPageSize, kWritablePage);
    assemble(guest, kKernel, [](x86::Assembler& a) {
        a.inc(x86::qword_ptr(x86::rip, static_cast<i32>(kCalls - kKernel - 7)));
        a.sysretq();
    });
    assemble(guest, kInterruptHandler, [](x86::Assembler& a) {
        a.inc(x86::qword_ptr(x86::rip, static_cast<i32>(kInterrupts - kInterruptHandler - 7)));
        a.iretq();
    });
    assemble(guest, JitGuest::kSystemBase + 0x2000 + kVector * 16,
             [](x86::Assembler& a) { a.jmp(Imm(kInterruptHandler)); });
}

CpuState prepared(KvmGuest& guest, u64 rounds) {
    put_handlers(guest);
    guest.jit.map_new(kProgram, kPageSize, kUserPage | kWritablePage);
    guest.jit.map_new(kBuffer, kBufferBytes, kUserPage | kWritablePage);
    assemble(guest, kProgram, compute);
    CpuState s = guest.start();
    s.efer |= kEferSCE;
    s.star = u64{0x1b} << 48 | u64{8} << 32, s.lstar = kKernel, s.sfmask = kFlagIF;
    s.rflags |= kFlagIF;
    s.rip = kProgram, s.gpr[kRcx] = rounds, s.gpr[kRdi] = kBuffer;
    return s;
}

struct Outcome {
    std::vector<u8> memory = std::vector<u8>(kBufferBytes);
    u64 rax = 0, calls = 0, interrupts = 0;
};

Outcome outcome(KvmGuest& guest, const CpuState& s) {
    Outcome o;
    o.rax = s.gpr[kRax];
    guest.jit.read(kBuffer, o.memory);
    guest.jit.read(kCalls, {reinterpret_cast<u8*>(&o.calls), 8});
    guest.jit.read(kInterrupts, {reinterpret_cast<u8*>(&o.interrupts), 8});
    return o;
}

/// Raises the interrupt again and again, each time after the last was taken.
class Interrupter {
  public:
    Interrupter(int& line, Vcpu& vcpu) : thread_([this, &line, &vcpu] {
        while (!stop_) {
            std::this_thread::sleep_for(std::chrono::microseconds(1000));
            if (__atomic_load_n(&line, __ATOMIC_SEQ_CST) != -1) continue;
            ++raised_;
            __atomic_store_n(&line, kVector, __ATOMIC_SEQ_CST);
            vcpu.kick();
        }
    }) {}
    u64 stop() {
        stop_ = true;
        thread_.join();
        return raised_;
    }

  private:
    std::atomic<bool> stop_ = false;
    u64 raised_ = 0;
    std::thread thread_;
};

}  // namespace

TEST_CASE("a thousand changes of engine: results, system calls and interrupts are those of one engine") {
    NEED_KVM();
    constexpr u64 kRounds = 1 << 21;
    KvmGuest reference;
    reference.jit.state() = prepared(reference, kRounds);
    reference.jit.vcpu().state_changed();
    REQUIRE(reference.jit.vcpu().run() == RunExit::kHalted);
    const Outcome expected = outcome(reference, reference.jit.state());
    REQUIRE(expected.calls == kRounds / 1024);

    u64 switches = 0, runs = 0;
    for (unsigned round = 0; switches < 1000 || runs < 200; ++round) {
        REQUIRE(round < 1000);  // a busy host switches less in each
        KvmGuest guest;
        SwitchingVcpu vcpu(guest);
        vcpu.state() = prepared(guest, kRounds);
        vcpu.state_changed();
        int& line = guest.jit.environment().pending_vector;
        Interrupter interrupter(line, vcpu);
        const RunExit exit = vcpu.run();
        const u64 raised = interrupter.stop(), left = line != -1;
        REQUIRE(exit == RunExit::kHalted);
        const Outcome result = outcome(guest, vcpu.state());
        CHECK(result.rax == expected.rax);
        CHECK(result.calls == expected.calls);
        CHECK(result.interrupts == raised - left);
        REQUIRE(result.memory == expected.memory);
        switches += vcpu.switches();
        runs += guest.vcpu().counters().runs;
    }
}

}  // namespace twin86::test
