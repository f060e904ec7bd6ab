// KvmVm: one virtual machine of KVM: its memory slots, its MSR filter, and the file descriptors of its processors.
#pragma once

#include <linux/kvm.h>

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "accel/accelerator.h"
#include "accel/kvm/kvm_system.h"

namespace twin86::kvm {

/// A processor's file descriptor and its shared page (struct kvm_run).
class VcpuHandle {
  public:
    static Result<VcpuHandle> create(int vm, unsigned id, u64 run_bytes);
    VcpuHandle(VcpuHandle&& other) noexcept;
    VcpuHandle& operator=(VcpuHandle&& other) noexcept;
    ~VcpuHandle();

    int fd() const { return fd_.get(); }
    kvm_run& run() const { return *run_; }
    /// ioctl(2); negative errno on failure.
    int call(unsigned long request, void* argument) const;

    bool has_model = false;  ///< CPUID is set

  private:
    VcpuHandle(UniqueFd fd, kvm_run* run, u64 bytes) : fd_(std::move(fd)), run_(run), bytes_(bytes) {}

    UniqueFd fd_;
    kvm_run* run_ = nullptr;
    u64 bytes_ = 0;
};

class KvmVm {
  public:
    /// `split`: local APICs are the kernel's (api.rst, KVM_CAP_SPLIT_IRQCHIP); all other interrupt controllers are not.
    static Result<std::unique_ptr<KvmVm>> create(KvmSystem system, bool split = false);

    const KvmSystem& system() const { return system_; }
    bool split() const { return split_; }
    /// Exits instead of an invented #UD where KVM's instruction emulator fails (Linux 5.15).
    bool reports_emulation_failures() const { return reports_emulation_failures_; }

    /// KVM_RUN takes and gives registers, system registers and events in struct kvm_run (Linux 4.17).
    bool shares_registers() const { return shares_registers_; }
    /// A triple fault that no exit has reported yet is part of the events (Linux 6.1).
    bool tells_triple_faults() const { return tells_triple_faults_; }

    /// `size` 0 takes the slot away. Negative errno on failure.
    int set_slot(u32 slot, Gpa base, u64 size, Hva host, u32 flags);
    /// Writes to this range are collected (api.rst, KVM_REGISTER_COALESCED_MMIO), or no longer. Negative errno on failure.
    int set_coalesced(Gpa base, u64 size, bool on);
    /// Writes to the doorbell are counted in its descriptor, or no longer. Negative errno on failure.
    int set_event_fd(const Doorbell& doorbell, bool on);
    /// Bits of pages written since the last call; the slot must have been set with KVM_MEM_LOG_DIRTY_PAGES.
    int get_dirty_log(u32 slot, u64* bitmap);

    // With local APICs in the kernel.
    /// True: a local APIC took it.
    bool signal_msi(u64 address, u32 data);
    /// What the I/O APIC's pins send, address 0: nothing: KVM exits at the EOI of those that are level-triggered.
    void set_pins(std::span<const Msi> pins);

    /// A processor: new, or one that was given back. KVM cannot destroy them.
    Result<VcpuHandle> take_vcpu();
    void give_back(VcpuHandle vcpu) { parked_.push_back(std::move(vcpu)); }

  private:
    KvmVm(KvmSystem system, UniqueFd fd, bool split) : system_(std::move(system)), fd_(std::move(fd)), split_(split) {}
    Status configure();
    Status split_irqchip();
    Status reset_lapic(const VcpuHandle& vcpu);
    Result<VcpuHandle> new_vcpu();
    Status set_msr_filter();

    KvmSystem system_;
    UniqueFd fd_;
    const bool split_;
    std::optional<kvm_lapic_state> lapic_at_reset_;
    bool reports_emulation_failures_ = false;
    bool tells_triple_faults_ = false;
    bool shares_registers_ = false;
    unsigned next_vcpu_ = 0;
    std::vector<VcpuHandle> parked_;
};

}  // namespace twin86::kvm
