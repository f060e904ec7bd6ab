// JitAccelerator: the translator as an engine of a machine.
#pragma once

#include "accel/accel_options.h"
#include "accel/accelerator.h"
#include "accel/jit/jit_vcpu.h"

namespace twin86::jit {

/// The translator's share of -accel.
JitOptions jit_options(const AccelOptions& options);

class JitAccelerator : public Accelerator {
  public:
    /// All outlive the accelerator.
    JitAccelerator(const AccelOptions& options, const CpuModel& model, PhysMap& phys, Log& log)
        : options_(jit_options(options)), model_(model), phys_(phys), log_(log) {}

    std::string name() const override { return "jit"; }
    Result<std::unique_ptr<Vcpu>> create_vcpu(unsigned id, VcpuEnvironment& environment) override;
    Status select(std::string_view engine) override;
    std::string statistics() const override { return "engine            jit, the same-ISA translator\n"; }

  private:
    const JitOptions options_;
    const CpuModel& model_;
    PhysMap& phys_;
    Log& log_;
};

}  // namespace twin86::jit
