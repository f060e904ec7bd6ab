// CpuidSource: what the slow paths ask of the processor model. Everything else is derived from CPUID once (CpuTraits).
#pragma once

#include "base/types.h"
#include "cpu/state/cpu_state.h"

namespace twin86 {

class CpuidSource {
  public:
    virtual ~CpuidSource() = default;
    /// EAX, EBX, ECX, EDX of a leaf; `state` gives OSXSAVE, XCR0-dependent sizes and the APIC id.
    virtual void cpuid(u32 leaf, u32 subleaf, const CpuState& state, u32 out[4]) const = 0;
    /// RDMSR and WRMSR of unknown registers do nothing, instead of #GP.
    virtual bool ignores_unknown_msrs() const { return false; }
};

}  // namespace twin86
