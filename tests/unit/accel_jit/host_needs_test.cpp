#include "accel/jit/host_needs.h"

#include <catch2/catch.hpp>

using namespace twin86;

TEST_CASE("a host that lacks what emitted code uses is named, not crashed on") {
    FeatureSet host;
    for (Feature f : {Feature::kBmi2, Feature::kAvx, Feature::kAvx2, Feature::kXsave, Feature::kXsaveopt}) host.set(f);
    CHECK(jit::host_can_translate(host));

    FeatureSet old = host;
    old.set(Feature::kBmi2, false);
    old.set(Feature::kAvx2, false);
    const Status refused = jit::host_can_translate(old);
    REQUIRE_FALSE(refused);
    CHECK(refused.failure().message.find("lacks BMI2, AVX2") != std::string::npos);
}
