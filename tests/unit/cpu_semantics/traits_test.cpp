// CpuTraits are derived from CPUID: they agree with what the CPU models say of themselves.
#include "cpu/semantics/cpu_traits.h"
#include "cpu/state/cpuid_model.h"

#undef CHECK  // of base/check.h
#include <catch2/catch.hpp>

namespace twin86 {

namespace {

class ModelSource : public CpuidSource {
  public:
    explicit ModelSource(const CpuModel& model) : model_(model) {}
    void cpuid(u32 leaf, u32 subleaf, const CpuState& state, u32 out[4]) const override {
        const CpuidLeaf l = model_.cpuid(leaf, subleaf, state);
        out[0] = l.eax, out[1] = l.ebx, out[2] = l.ecx, out[3] = l.edx;
    }

  private:
    const CpuModel& model_;
};

}  // namespace

TEST_CASE("traits follow from the CPUID leaves of a model") {
    const std::string spec = GENERATE(as<std::string>{}, "max", "qemu64", "x86-64-v3", "max,-xsave", "max,-smep,-pcid",
                                      "max,vendor=GenuineIntel", "max,phys-bits=39");
    INFO(spec);
    auto model = CpuModel::parse(spec, HostCpuid::probe());
    REQUIRE(model);
    const CpuTraits traits(ModelSource(*model), CpuState{});
    CHECK(traits.cr4_supported == model->cr4_allowed());
    CHECK(traits.efer_supported == model->efer_allowed());
    CHECK(traits.physical_bits == model->physical_bits());
    CHECK(traits.amd == model->is_amd());
    if (!model->has(Feature::kXsave)) return;
    CHECK(traits.xsave.xcr0_supported == model->xcr0_allowed());
    for (unsigned i = 2; i < kXsaveComponents; ++i) {
        if (!(model->xcr0_allowed() & bit(i))) continue;
        CHECK(traits.xsave.component[i].offset == model->xsave_component(i).offset);
        CHECK(traits.xsave.component[i].size == model->xsave_component(i).size);
    }
}

}  // namespace twin86
