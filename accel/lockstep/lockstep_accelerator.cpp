#include "accel/lockstep/lockstep_accelerator.h"

#include <fmt/core.h>

namespace twin86 {

Result<std::unique_ptr<Vcpu>> LockstepAccelerator::create_vcpu(unsigned id, VcpuEnvironment& environment) {
    auto environments = std::make_unique<LockstepVcpu::Environments>(environment);
    auto checked = checked_->create_vcpu(id, environments->checked);
    if (!checked) return checked.failure();
    auto complete = complete_->create_vcpu(id, environments->reference);
    if (!complete) return complete.failure();
    std::unique_ptr<Vcpu> preferred;
    if (preferred_ != nullptr) {
        auto made = preferred_->create_vcpu(id, environments->reference);
        if (!made) return made.failure();
        preferred = made.take();
    }
    auto base = MemoryBase::create(phys_);
    if (!base) return base.failure();
    return std::unique_ptr<Vcpu>(std::make_unique<LockstepVcpu>(std::move(environments), checked.take(),
                                                                Reference(std::move(preferred), complete.take()),
                                                                base.take(), options_, model_, phys_, log_));
}

Status LockstepAccelerator::select(std::string_view engine) {
    if (engine == name()) return {};
    return error("accel {}: -accel lockstep keeps all its engines", engine);
}

std::string LockstepAccelerator::statistics() const {
    return fmt::format("engine            {} against {}{}\n", checked_->name(),
                       preferred_ != nullptr ? preferred_->name() + ", and where it cannot " : "",
                       complete_->name() + " by instructions");
}

}  // namespace twin86
