// KvmGuest: the test guest of tests/lib with a processor of KVM beside its translated one.
#pragma once

#include "accel/kvm/backend.h"
#include "accel/kvm/kvm_vcpu.h"
#include "tests/lib/jit_guest.h"

#undef CHECK  // base/check.h has its own; in tests it is Catch's
#include <catch2/catch.hpp>

namespace twin86::test {

/// Without KVM a case says so and ends.
#define NEED_KVM()                                           \
    if (const auto opened = kvm::probe_backend(); !opened) { \
        WARN("skipped: " << opened.failure().message);       \
        return;                                              \
    }

class KvmGuest {
  public:
    static constexpr Gva kCode = 0x400000, kStackTop = 0x802000;

    /// `has_second`: what KVM cannot do is another engine's, as far as it knows.
    explicit KvmGuest(bool has_second = false)
        : backend_(probe(has_second)),
          vm_(kvm::KvmVm::create(kvm::KvmSystem::open().take()).take()),
          slots_(*vm_, jit.phys(), true) {
        jit.map_new(kCode, kPageSize, kUserPage);
        jit.map_new(kStackTop - kPageSize, kPageSize, kUserPage | kWritablePage);
        vcpu_ = kvm::KvmVcpu::create(*vm_, slots_, jit.model(), jit.phys(), jit.environment(), backend_, log_).take();
    }

    void load(const std::vector<u8>& code) { jit.write(kCode, code); }
    /// The state at the start of the code.
    CpuState start(bool user = true) {
        jit.start(kCode, kStackTop, user);
        jit.state().efer &= ~u64{kEferSCE};  // with it, emulating hosts get ring 3 alone
        return jit.state();
    }
    RunExit run(const CpuState& state) {
        vcpu().state() = state;
        vcpu().state_changed();
        return vcpu().run();
    }
    kvm::KvmVcpu& vcpu() { return *vcpu_; }
    kvm::KvmVm& vm() { return *vm_; }
    const kvm::Backend& backend() const { return backend_; }

    JitGuest jit;

  private:
    static kvm::Backend probe(bool has_second) {
        kvm::Backend b = *kvm::probe_backend();
        b.has_second = has_second;
        return b;
    }

    Log log_;
    kvm::Backend backend_;
    std::unique_ptr<kvm::KvmVm> vm_;
    kvm::MemorySlots slots_;
    std::unique_ptr<kvm::KvmVcpu> vcpu_;
};

}  // namespace twin86::test
