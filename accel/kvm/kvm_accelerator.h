// KvmAccelerator: KVM as an engine of a machine.
#pragma once

#include <mutex>

#include "accel/accelerator.h"
#include "accel/kvm/backend.h"
#include "accel/kvm/event_fds.h"
#include "accel/kvm/kvm_vcpu.h"

namespace twin86::kvm {

class KvmAccelerator : public Accelerator {
  public:
    /// Takes what KVM, probed before, cannot provide from the processor model. All outlive the accelerator.
    static Result<std::unique_ptr<KvmAccelerator>> create(const Backend& backend, CpuModel& model, PhysMap& phys, Log& log);

    std::string name() const override { return "kvm"; }
    Capabilities capabilities() const override {
        return {.tsc_offset = backend_.tsc_offset, .even_speed = backend_.native_ring0(), .local_apic = vm_->split()};
    }
    Result<std::unique_ptr<Vcpu>> create_vcpu(unsigned id, VcpuEnvironment& environment) override;
    Status select(std::string_view engine) override;
    bool deliver_msi(const Msi& msi) override { return vm_->signal_msi(msi.address, msi.data); }
    void set_io_apic_pins(std::span<const Msi> pins) override { vm_->set_pins(pins); }
    void set_doorbells(std::span<const Doorbell> all) override { event_fds_.set(all); }
    std::string statistics() const override;

    const Backend& backend() const { return backend_; }

  private:
    KvmAccelerator(std::unique_ptr<KvmVm> vm, Backend backend, const CpuModel& model, PhysMap& phys, Log& log);

    std::unique_ptr<KvmVm> vm_;
    const Backend backend_;
    const CpuModel& model_;
    PhysMap& phys_;
    Log& log_;
    MemorySlots slots_;
    EventFds event_fds_{*vm_};
};

/// One line: what kind of KVM this is.
std::string backend_text(const Backend& backend);

}  // namespace twin86::kvm
