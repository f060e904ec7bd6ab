// ModelCpuid: the processor model as the slow paths ask for it.
#pragma once

#include "cpu/semantics/cpuid_source.h"
#include "cpu/state/cpuid_model.h"

namespace twin86 {

class ModelCpuid : public CpuidSource {
  public:
    explicit ModelCpuid(const CpuModel& model) : model_(model) {}
    void cpuid(u32 leaf, u32 subleaf, const CpuState& state, u32 out[4]) const override {
        const CpuidLeaf l = model_.cpuid(leaf, subleaf, state);
        out[0] = l.eax, out[1] = l.ebx, out[2] = l.ecx, out[3] = l.edx;
    }
    bool ignores_unknown_msrs() const override { return model_.ignores_unknown_msrs(); }

  private:
    const CpuModel& model_;
};

}  // namespace twin86
