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
    std::string mmu = "auto";  ///< soft, shadow or auto

    KernelIrqchip kernel_irqchip = KernelIrqchip::kOff;
    bool fallback = true;           ///< what KVM cannot execute goes to the translator
    u64 stress_switch_us = 0;       ///< switch engines at random, on average that often; 0: never
    u64 lockstep_instructions = 0;  ///< instructions between two checks of -accel lockstep; 0: its default
};

}  // namespace twin86
