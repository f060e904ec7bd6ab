// The tables behind CpuModel: how each feature can be offered, what depends on what, and the named models.
#pragma once

#include <span>
#include <string_view>

#include "cpu/state/features.h"

namespace twin86 {

/// Features that the emulator provides by itself, whatever the host has.
extern const std::span<const Feature> kEmulatedFeatures;
/// The same, but not part of max and host: named models and +feature have them.
extern const std::span<const Feature> kRequestableFeatures;
/// Features whose instructions run on the host: offered when the host has them. All others are never offered.
extern const std::span<const Feature> kNativeFeatures;

struct FeatureDependency {
    Feature feature, needs;
};
/// In an order in which one pass drops everything that misses its basis.
extern const std::span<const FeatureDependency> kFeatureDependencies;

struct FeatureAlias {
    std::string_view alias, name;
};
extern const std::span<const FeatureAlias> kFeatureAliases;

/// Names of QEMU's flags that say something about its own engines; here they are always off.
extern const std::span<const std::string_view> kForeignFlags;

enum class ModelVendor : u8 { kHost, kAmd, kIntel };

/// A processor of the market or of QEMU's list. `features` are unions of what each generation added.
struct NamedModel {
    std::string_view name;
    std::string_view description;
    ModelVendor vendor;  ///< kHost: vendor, family, model, stepping and all offerable features of the host
    u32 family = 0, model = 0, stepping = 0;
    std::span<const std::span<const Feature>> features = {};
};
extern const std::span<const NamedModel> kNamedModels;

/// The model of this name: one of the list, or with QEMU's suffixes -noTSX (without HLE and RTM) and -IBRS, -IBPB, which
/// say nothing new here (see the policy in cpu_models.cpp). Null: no such model.
const NamedModel* find_named_model(std::string_view name, bool& without_tsx);

}  // namespace twin86
