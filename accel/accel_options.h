// AccelOptions: what -accel asks for, as plain data.
#pragma once

#include <string>
#include <vector>

#include "base/types.h"

namespace twin86 {

/// Which interrupt controllers the host kernel models (-accel kvm,kernel-irqchip=...).
enum class KernelIrqchip { kOff, kSplit };

struct AccelOptions {
    std::vector<std::string> engines;  ///< in order of preference; empty: the best that works here

    u64 code_cache_bytes = 256 * MiB;
    bool one_insn_per_block = false;
    bool no_chain = false;
    bool shares_memory = false;  ///< there are two translators
    std::string mmu = "auto";  ///< soft, shadow or auto

    KernelIrqchip kernel_irqchip = KernelIrqchip::kOff;
    bool fallback = true;           ///< what KVM cannot execute goes to the translator
    u64 stress_switch_us = 0;       ///< switch engines at random, on average that often; 0: never

    std::string lockstep_reference = "auto";  ///< jit, kvm, or auto: kvm where it works
    u64 lockstep_blocks = 256;                ///< of translated code between two comparisons
    u64 lockstep_unchecked_us = 0;            ///< the translator alone, after each
};

}  // namespace twin86
