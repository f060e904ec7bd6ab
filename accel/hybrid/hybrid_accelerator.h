// HybridAccelerator: two engines under one machine, and the choice between them while it runs.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "accel/accelerator.h"
#include "accel/hybrid/hybrid_vcpu.h"

namespace twin86 {

class HybridAccelerator : public Accelerator {
  public:
    /// Processors begin in `start`. The second engine must execute everything.
    HybridAccelerator(std::unique_ptr<Accelerator> first, std::unique_ptr<Accelerator> complete,
                      Engine start, u64 stress_switch_ns);
    ~HybridAccelerator() override;

    std::string name() const override;
    Capabilities capabilities() const override;
    Result<std::unique_ptr<Vcpu>> create_vcpu(unsigned id, VcpuEnvironment& environment) override;
    Status select(std::string_view engine) override;
    void set_doorbells(std::span<const Doorbell> all) override {
        first_->set_doorbells(all);
        complete_->set_doorbells(all);
    }
    std::string statistics() const override;

  private:
    class Member;
    const Accelerator& named(Engine which) const { return which == Engine::kFirst ? *first_ : *complete_; }

    std::unique_ptr<Accelerator> first_, complete_;
    const u64 stress_switch_ns_;
    const bool even_;
    mutable std::mutex lock_;  ///< of what follows
    Engine selected_;
    std::vector<HybridVcpu*> members_;
};

}  // namespace twin86
