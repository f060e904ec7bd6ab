// MemorySlots: KVM's memory slots, and the zones of coalesced MMIO, as a mirror of the physical map.
//
// A change of the map only marks the mirror as old: the processor, whose accesses to devices make the changes, brings
// it up to date before it enters the guest again.
#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include "accel/kvm/coalesced_mmio.h"
#include "accel/kvm/kvm_vm.h"
#include "mmu/phys_map.h"

namespace twin86::kvm {

class MemorySlots : private PhysMapListener {
  public:
    /// `late_writes`: KVM collects those writes to devices that the map allows to be late.
    MemorySlots(KvmVm& vm, PhysMap& phys, bool late_writes = false);
    ~MemorySlots() override;
    MemorySlots(const MemorySlots&) = delete;
    MemorySlots& operator=(const MemorySlots&) = delete;

    /// Makes the slots what the map says. No processor is inside the guest.
    Status update();
    /// Makes KVM forget all its shadow page tables: they do not follow page tables that others wrote. Taking any slot
    /// away does that (KVM_X86_QUIRK_SLOT_ZAP_ALL of api.rst).
    Status zap();

    /// KVM logs writes to RAM from now on.
    void watch_code();
    /// Tells the physical map which pages with code KVM's processors have written since the last call.
    void report_code_writes();

    u64 count() const { return slots_.size(); }
    u64 zones() const { return zones_.count(); }
    u64 updates() const { return updates_; }
    u64 zaps() const { return zaps_; }

  private:
    struct Slot {
        u32 number;
        HostRange range;
        bool logged;
    };

    void writes_protected(Gpa, u64) override {}
    void range_remapped(Gpa base, u64 size) override;
    void collect_dirty(Gpa base, u64 size) override;
    Status add(const HostRange& range);
    Status set(const Slot& slot);
    Status remove(const Slot& slot);
    void collect(Slot& slot, Gpa base, u64 size);
    void take_log(const Slot& slot);
    void written(Gpa page);
    u32 free_number() const;

    KvmVm& vm_;
    PhysMap& phys_;
    std::atomic<bool> old_ = true;
    std::mutex lock_;  ///< of slots_: the dirty log is read by other threads
    std::vector<Slot> slots_;
    const bool late_writes_;
    CoalescedZones zones_;
    bool watching_code_ = false;
    u64 updates_ = 0, zaps_ = 0;
};

}  // namespace twin86::kvm
