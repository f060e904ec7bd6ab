#include "cpu/decode/features.h"

#include "cpu/decode/insn.h"

namespace twin86 {

namespace {

constexpr FeatureInfo kFeatures[] = {
#define X(name, qemu_name, leaf, subleaf, reg, bit) \
    {Feature::k##name, qemu_name, leaf, subleaf, CpuidRegister::reg, bit},
    TWIN86_FEATURES(X)
#undef X
};

constexpr unsigned kFirst = static_cast<unsigned>(Feature::kBase) + 1;
static_assert(std::size(kFeatures) == static_cast<unsigned>(Feature::kCount) - kFirst);

}  // namespace

std::span<const FeatureInfo> all_features() { return kFeatures; }

const FeatureInfo* feature_info(Feature feature) {
    const unsigned number = static_cast<unsigned>(feature);
    return number < kFirst || feature >= Feature::kCount ? nullptr : &kFeatures[number - kFirst];
}

const char* feature_name(Feature feature) {
    if (const FeatureInfo* info = feature_info(feature)) return info->name;
    return feature == Feature::kBase ? "base" : "none";
}

FeatureSet FeatureSet::all() {
    FeatureSet set;
    for (const FeatureInfo& info : kFeatures) set.set(info.feature);
    return set;
}

bool FeatureSet::offers(const Insn& insn) const {
    if (!has(static_cast<Feature>(insn.cpu_feature))) return false;
    if (insn.requires_vl && !has(Feature::kAvx512Vl)) return false;
    if (insn.uses_avx512) return has(Feature::kAvx512F);
    return !insn.uses_avx || has(Feature::kAvx);
}

}  // namespace twin86
