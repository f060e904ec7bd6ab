// LockstepAccelerator: an engine under test and what it is compared with, as one engine of a machine.
#pragma once

#include <memory>

#include "accel/accelerator.h"
#include "accel/lockstep/lockstep_vcpu.h"

namespace twin86 {

class LockstepAccelerator : public Accelerator {
  public:
    /// `preferred` may be null or lack instructions, `complete` must have all. Both step (Vcpu::step()) by
    /// instructions.
    LockstepAccelerator(std::unique_ptr<Accelerator> checked, std::unique_ptr<Accelerator> preferred,
                        std::unique_ptr<Accelerator> complete, const LockstepOptions& options, const CpuModel& model,
                        PhysMap& phys, Log& log)
        : checked_(std::move(checked)),
          preferred_(std::move(preferred)),
          complete_(std::move(complete)),
          options_(options),
          model_(model),
          phys_(phys),
          log_(log) {}

    std::string name() const override { return "lockstep"; }
    Result<std::unique_ptr<Vcpu>> create_vcpu(unsigned id, VcpuEnvironment& environment) override;
    Status select(std::string_view engine) override;
    std::string statistics() const override;

  private:
    std::unique_ptr<Accelerator> checked_, preferred_, complete_;
    const LockstepOptions options_;
    const CpuModel& model_;
    PhysMap& phys_;
    Log& log_;
};

}  // namespace twin86
