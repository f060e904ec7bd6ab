// EventFds: doorbells whose writes KVM counts by itself (api.rst, KVM_IOEVENTFD).
#pragma once

#include <span>
#include <vector>

#include "accel/kvm/kvm_vm.h"
#include "devices/core/doorbell.h"

namespace twin86::kvm {

class EventFds {
  public:
    explicit EventFds(KvmVm& vm) : vm_(vm) {}

    /// Also while processors are inside the guest. What KVM refuses stays an exit.
    void set(std::span<const Doorbell> wanted);
    u64 count() const { return assigned_.size(); }

  private:
    KvmVm& vm_;
    std::vector<Doorbell> assigned_;
};

}  // namespace twin86::kvm
