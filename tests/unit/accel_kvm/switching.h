// The test guest under KVM and the translator in turn, moved at random moments.
#pragma once

#include <asmjit/x86.h>

#include "accel/hybrid/hybrid_vcpu.h"
#include "tests/unit/accel_kvm/kvm_guest.h"

namespace twin86::test {

/// A processor that lives elsewhere.
class Borrowed : public Vcpu {
  public:
    explicit Borrowed(Vcpu& to) : to_(to) {}
    RunExit run() override { return to_.run(); }
    void request_exit() override { to_.request_exit(); }
    void kick() override { to_.kick(); }
    CpuState& state() override { return to_.state(); }
    void state_changed() override { to_.state_changed(); }
    void registers_changed() override { to_.registers_changed(); }
    bool take_flushes() override { return to_.take_flushes(); }
    void watch_code() override { to_.watch_code(); }
    void report_code_writes() override { to_.report_code_writes(); }
    void set_nmi_pending() override { to_.set_nmi_pending(); }
    bool wakes() override { return to_.wakes(); }
    const std::string& failure() const override { return to_.failure(); }
    std::string statistics() const override { return to_.statistics(); }
    void dump_history() const override {}

  private:
    Vcpu& to_;
};

template <class Program>
void assemble(KvmGuest& guest, Gva at, Program program) {
    asmjit::CodeHolder code;
    code.init(asmjit::Environment::host(), at);
    asmjit::x86::Assembler a(&code);
    program(a);
    guest.jit.write(at, {code.textSection()->buffer().data(), code.textSection()->buffer().size()});
}

/// Moves 300 us apart on average; KVM gets ring 3.
class SwitchingVcpu : public HybridVcpu {
  public:
    explicit SwitchingVcpu(KvmGuest& guest)
        : HybridVcpu(std::make_unique<Borrowed>(guest.vcpu()), std::make_unique<Borrowed>(guest.jit.vcpu()),
                     Engine::kComplete, 300'000, [](const CpuState& s) { return s.cpl() == 3; }) {}
};

}  // namespace twin86::test
