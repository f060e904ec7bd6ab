// Coalesced MMIO: writes to some device memory that KVM collects in a ring instead of leaving the guest for each.
//
// Documentation/virt/kvm/api.rst, KVM_REGISTER_COALESCED_MMIO. The kernel writes `last`, we write `first`; a full ring
// makes the next write an exit of its own.
#pragma once

#include <vector>

#include "accel/kvm/kvm_vm.h"
#include "accel/vcpu.h"
#include "mmu/phys_map.h"

namespace twin86::kvm {

/// struct kvm_coalesced_mmio_ring, whose array the kernel's header misplaces for C++.
struct MmioRing {
    static constexpr u32 kSlots = (kPageSize - 2 * sizeof(u32)) / sizeof(kvm_coalesced_mmio);
    u32 first, last;
    kvm_coalesced_mmio slots[kSlots];
};
static_assert(sizeof(MmioRing) <= kPageSize);

/// Which addresses KVM collects writes to.
class CoalescedZones {
  public:
    explicit CoalescedZones(KvmVm& vm) : vm_(vm) {}

    /// Makes the zones what is wanted, as far as KVM takes them: without, there are only more exits.
    void update(const std::vector<GpaRange>& wanted);
    u64 count() const { return zones_.size(); }

  private:
    KvmVm& vm_;
    std::vector<GpaRange> zones_;
};

/// The ring of a virtual machine, as one of its processors shows it.
class CoalescedRing {
  public:
    /// Empty for ever where this KVM has none.
    CoalescedRing(const KvmVm& vm, const VcpuHandle& vcpu);
    /// The same in memory of another kind; null: none.
    explicit CoalescedRing(MmioRing* ring) : ring_(ring) {}

    bool empty() const;
    /// The oldest write, in naturally aligned pieces. False: there is none.
    bool next(MmioWrite& write);

  private:
    MmioRing* ring_;
    u32 done_ = 0;  ///< bytes of the oldest write
};

}  // namespace twin86::kvm
