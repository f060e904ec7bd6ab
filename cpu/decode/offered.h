// Whether a processor model offers an instruction form.
#pragma once

#include "cpu/decode/insn.h"
#include "cpu/state/features.h"

namespace twin86 {

/// True when every feature that the form needs is there: its own, AVX or AVX512F under it, and AVX512VL.
inline bool offered(const FeatureSet& model, const Insn& insn) {
    if (!model.has(static_cast<Feature>(insn.cpu_feature))) return false;
    if (insn.requires_vl && !model.has(Feature::kAvx512vl)) return false;
    if (insn.uses_avx512) return model.has(Feature::kAvx512f);
    return !insn.uses_avx || model.has(Feature::kAvx);
}

}  // namespace twin86
