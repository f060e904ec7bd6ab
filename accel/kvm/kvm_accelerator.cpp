#include "accel/kvm/kvm_accelerator.h"

#include "accel/kvm/kvm_cpuid.h"

namespace twin86::kvm {

Result<std::unique_ptr<KvmAccelerator>> KvmAccelerator::create(const Backend& backend, CpuModel& model, PhysMap& phys,
                                                               Log& log) {
    auto system = KvmSystem::open();
    if (!system) return system.failure();
    auto vm = KvmVm::create(system.take(), backend.split);
    if (!vm) return vm.failure();
    model.keep_features(available_features((*vm)->system(), backend));
    // What a processor may fail by is known while there is still a choice of engines.
    auto first = (*vm)->take_vcpu();
    if (!first) return first.failure();
    if (const Status s = set_cpuid(*first, model); !s) return s.failure();
    (*vm)->give_back(first.take());
    return std::unique_ptr<KvmAccelerator>(new KvmAccelerator(vm.take(), backend, model, phys, log));
}

KvmAccelerator::KvmAccelerator(std::unique_ptr<KvmVm> vm, Backend backend, const CpuModel& model, PhysMap& phys,
                               Log& log)
    : vm_(std::move(vm)), backend_(backend), model_(model), phys_(phys), log_(log), slots_(*vm_, phys, backend.late_writes) {}

Result<std::unique_ptr<Vcpu>> KvmAccelerator::create_vcpu(unsigned, VcpuEnvironment& environment) {
    auto vcpu = KvmVcpu::create(*vm_, slots_, model_, phys_, environment, backend_, log_);
    if (!vcpu) return vcpu.failure();
    return std::unique_ptr<Vcpu>(vcpu.take());
}

Status KvmAccelerator::select(std::string_view engine) {
    if (engine == name()) return {};
    return error("accel {}: this machine was started with -accel kvm,fallback=off, which has no second engine", engine);
}

std::string KvmAccelerator::statistics() const {
    return fmt::format("kvm               {}, local APIC {}, {} doorbells\n", backend_text(backend_),
                       vm_->split() ? "in the kernel" : "the machine's", event_fds_.count());
}

std::string backend_text(const Backend& b) {
    const std::string ring0 = b.native_ring0()
                                  ? std::string("ring 0 native")
                                  : fmt::format("ring 0 emulated at {} ns an instruction", b.ring0_ps_per_insn / 1000);
    return fmt::format("{}, {} paging, {:.1f} us an exit, {} TSC in ring 3", ring0,
                       b.shadow_paging ? "shadow" : "nested", static_cast<double>(b.exit_ns) / 1000.0,
                       b.tsc_offset ? "the guest's" : "the host's");
}

}  // namespace twin86::kvm
