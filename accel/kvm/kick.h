// Kick: makes KVM_RUN return, from any thread, without a signal handler.
//
// The signal is blocked in the processor's thread except while KVM_RUN is inside the guest (KVM_SET_SIGNAL_MASK), so it
// never interrupts anything else; who comes out because of it takes it off the thread's list. api.rst, 4.22 and
// kvm_run's immediate_exit.
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include <atomic>

#include "accel/kvm/kvm_vm.h"

namespace twin86::kvm {

class Kick {
  public:
    explicit Kick(VcpuHandle& vcpu) : vcpu_(vcpu) {}

    /// Binds to the calling thread, which is going to call KVM_RUN.
    Status bind();

    /// Between these two the guest may be running. False: a kick came first, do not enter.
    bool begin();
    void end();
    /// KVM_RUN returned EINTR: the signal is taken off.
    void consume();

    /// From any thread.
    void operator()();

  private:
    VcpuHandle& vcpu_;
    std::atomic<bool> wanted_ = false, inside_ = false;
    std::atomic<pid_t> thread_ = 0;
    pid_t bound_ = 0;
};

}  // namespace twin86::kvm
