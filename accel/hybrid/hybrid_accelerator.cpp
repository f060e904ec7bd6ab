#include "accel/hybrid/hybrid_accelerator.h"

namespace twin86 {

namespace {

/// What every engine without even speed is good at.
bool user_code(const CpuState& s) {
    return s.cpl() == 3 && s.mode64();
}

}  // namespace

/// A processor that the accelerator can reach as long as it lives.
class HybridAccelerator::Member : public HybridVcpu {
  public:
    Member(HybridAccelerator& owner, std::unique_ptr<Vcpu> first, std::unique_ptr<Vcpu> complete, Engine start)
        : HybridVcpu(std::move(first), std::move(complete), start, owner.stress_switch_ns_,
                     owner.even_ ? Suits() : Suits(user_code)),
          owner_(owner) {
        const std::scoped_lock held(owner_.lock_);
        owner_.members_.push_back(this);
    }
    ~Member() override {
        const std::scoped_lock held(owner_.lock_);
        std::erase(owner_.members_, this);
    }

  private:
    HybridAccelerator& owner_;
};

HybridAccelerator::HybridAccelerator(std::unique_ptr<Accelerator> first, std::unique_ptr<Accelerator> complete,
                                     Engine start, u64 stress_switch_ns)
    : first_(std::move(first)),
      complete_(std::move(complete)),
      stress_switch_ns_(stress_switch_ns),
      even_(first_->capabilities().even_speed),
      selected_(start) {}

HybridAccelerator::~HybridAccelerator() = default;

std::string HybridAccelerator::name() const {
    const std::scoped_lock held(lock_);
    return named(selected_).name();
}

/// What both can do.
Capabilities HybridAccelerator::capabilities() const {
    return {.tsc_offset = first_->capabilities().tsc_offset && complete_->capabilities().tsc_offset,
            .even_speed = even_};
}

Result<std::unique_ptr<Vcpu>> HybridAccelerator::create_vcpu(unsigned id, VcpuEnvironment& environment) {
    auto first = first_->create_vcpu(id, environment);
    if (!first) return first.failure();
    auto complete = complete_->create_vcpu(id, environment);
    if (!complete) return complete.failure();
    const Engine start = [this] {
        const std::scoped_lock held(lock_);
        return selected_;
    }();
    return std::unique_ptr<Vcpu>(std::make_unique<Member>(*this, first.take(), complete.take(), start));
}

Status HybridAccelerator::select(std::string_view engine) {
    const std::scoped_lock held(lock_);
    if (engine == first_->name())
        selected_ = Engine::kFirst;
    else if (engine == complete_->name())
        selected_ = Engine::kComplete;
    else
        return error("accel {}: this machine has {} and {}", engine, first_->name(), complete_->name());
    for (HybridVcpu* vcpu : members_) vcpu->select(selected_);
    return {};
}

std::string HybridAccelerator::statistics() const {
    return fmt::format("engine            {}, of {} and {}\n", name(), first_->name(), complete_->name()) +
           first_->statistics();
}

}  // namespace twin86
