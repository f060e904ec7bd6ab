// Differences between two processor states, by the names of registers.
#pragma once

#include <string>
#include <vector>

#include "cpu/state/cpuid_model.h"

namespace twin86 {

struct RegisterDifference {
    std::string name;
    u64 first = 0, second = 0;
};

/// All that instructions can see. Flags of `unsure` are not compared, nor are RF, what is left of interrupt shadows,
/// and the x87 instruction and data pointers.
std::vector<RegisterDifference> differences(const CpuState& first, const CpuState& second, u64 unsure,
                                            const CpuModel& model);

}  // namespace twin86
