#include "accel/kvm/coalesced_mmio.h"

#include <algorithm>
#include <cstring>

#include "base/bits.h"

namespace twin86::kvm {

namespace {

/// KVM_CHECK_EXTENSION says in which page behind kvm_run the ring is.
MmioRing* ring_of(const KvmVm& vm, const VcpuHandle& vcpu) {
    const int page = vm.system().check(KVM_CAP_COALESCED_MMIO);
    if (page <= 0) return nullptr;
    u8* const shared = reinterpret_cast<u8*>(&vcpu.run());
    return reinterpret_cast<MmioRing*>(shared + static_cast<u64>(page) * kPageSize);
}

bool contains(const std::vector<GpaRange>& all, const GpaRange& r) {
    return std::find(all.begin(), all.end(), r) != all.end();
}

}  // namespace

void CoalescedZones::update(const std::vector<GpaRange>& wanted) {
    std::erase_if(zones_, [&](const GpaRange& z) {
        const bool goes = !contains(wanted, z);
        if (goes) (void)vm_.set_coalesced(z.base, z.size, false);
        return goes;
    });
    for (const GpaRange& r : wanted)
        if (!contains(zones_, r) && vm_.set_coalesced(r.base, r.size, true) >= 0) zones_.push_back(r);
}

CoalescedRing::CoalescedRing(const KvmVm& vm, const VcpuHandle& vcpu) : ring_(ring_of(vm, vcpu)) {}

bool CoalescedRing::empty() const {
    return ring_ == nullptr ||
           __atomic_load_n(&ring_->first, __ATOMIC_RELAXED) == __atomic_load_n(&ring_->last, __ATOMIC_ACQUIRE);
}

bool CoalescedRing::next(MmioWrite& write) {
    if (empty()) return false;
    const u32 at = ring_->first;
    const kvm_coalesced_mmio& oldest = ring_->slots[at % MmioRing::kSlots];
    write.address = oldest.phys_addr + done_;
    write.size = widest_aligned(write.address, oldest.len - done_);
    write.value = 0;
    std::memcpy(&write.value, oldest.data + done_, write.size);
    done_ += write.size;
    if (done_ < oldest.len) return true;
    done_ = 0;
    __atomic_store_n(&ring_->first, (at + 1) % MmioRing::kSlots, __ATOMIC_RELEASE);
    return true;
}

}  // namespace twin86::kvm
