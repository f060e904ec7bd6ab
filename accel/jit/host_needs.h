// What emitted code and thunks use of the host's processor beyond any x86-64.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"
#include "cpu/state/features.h"

namespace twin86::jit {

/// An error names what is missing. BMI2 in probes and moves, AVX in the exit thunk, XSAVEOPT for the guest's registers.
inline Status host_can_translate(const FeatureSet& host) {
    static constexpr std::pair<Feature, const char*> kNeeds[] = {
        {Feature::kBmi2, "BMI2"},   {Feature::kAvx, "AVX"},           {Feature::kAvx2, "AVX2"},
        {Feature::kXsave, "XSAVE"}, {Feature::kXsaveopt, "XSAVEOPT"},
    };
    std::string missing;
    for (const auto& [feature, name] : kNeeds)
        if (!host.has(feature)) missing += std::string(missing.empty() ? "" : ", ") + name;
    if (missing.empty()) return {};
    return error("the translator needs an x86-64-v3 processor; this host lacks {}", missing);
}

}  // namespace twin86::jit
