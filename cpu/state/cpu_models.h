// The tables behind CpuModel: how each feature can be offered, what depends on what, and the named models.
#pragma once

#include <span>
#include <string_view>

#include "cpu/state/features.h"

namespace twin86 {

/// Features that the emulator provides by itself, whatever the host has.
extern const std::span<const Feature> kEmulatedFeatures;
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

struct NamedModel {
    std::string_view name;
    std::string_view description;
    bool host_identity;  ///< vendor, family, model, stepping and all offerable features of the host
    u32 family, model, stepping;
    std::string_view brand;
    std::span<const Feature> features[3];  ///< their union
};
extern const std::span<const NamedModel> kNamedModels;

}  // namespace twin86
