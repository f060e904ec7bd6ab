// CpuTraits: facts of the CPUID model that the slow paths consult, read once.
#pragma once

#include "cpu/semantics/cpuid_source.h"
#include "cpu/semantics/xsave_layout.h"
#include "cpu/state/msr_table.h"

namespace twin86 {

struct CpuTraits {
    CpuTraits(const CpuidSource& model, const CpuState& state);

    bool amd = false;  ///< AMD or Hygon: SYSCALL in every mode, SYSENTER not in long mode ...
    bool packs_whole = false;  ///< Zen 5 and later: compressing stores without a mask are aligned as vectors, not as their elements
    unsigned physical_bits = 36;
    u64 cr4_supported = 0;  ///< the others are reserved: #GP
    u64 efer_supported = 0;
    bool pcid = false;
    bool has_spec_ctrl = false;
    bool has_pred_cmd = false;
    bool has_rdtscp = false;  ///< also stands for the MSR TSC_AUX
    bool has_tsc_adjust = false;
    bool ignores_unknown_msrs = false;
    bool xsavec = false;
    bool xgetbv1 = false;
    bool xsaves = false;
    XsaveLayout xsave;
    MsrTraits msr;
};

}  // namespace twin86
