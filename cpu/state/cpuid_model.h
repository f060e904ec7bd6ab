// CpuModel: the processor that a guest sees: vendor, features, CPUID leaves, and what control registers may hold.
//
// Chosen by -cpu in QEMU's spelling: "max,-avx512f,tsc-deadline=off". Policy and its reasons: cpu/state/cpu_models.cpp.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cpu/state/cpu_state.h"
#include "cpu/state/features.h"
#include "cpu/state/host_cpuid.h"

namespace twin86 {

struct CpuidLeaf {
    u32 eax = 0, ebx = 0, ecx = 0, edx = 0;
    bool operator==(const CpuidLeaf&) const = default;
};

class CpuModel {
  public:
    static constexpr u32 kMaxBasicLeaf = 0xd;
    static constexpr u32 kMaxExtendedLeafAmd = 0x80000021;

    /// `spec` is the argument of -cpu: a model name, then ",+feature", ",-feature", ",feature=on|off" or ",key=value" (see
    /// help). What the host lacks is an error, unless ",check" makes it a warning.
    static Result<CpuModel> parse(std::string_view spec, const HostCpuid& host);
    /// The text of `-cpu help`.
    static std::string help();

    /// CPUID as the guest executes it now: CR4.OSXSAVE, XCR0 and the APIC id show through. Leaves that do not exist read
    /// as zero, as on AMD processors.
    CpuidLeaf cpuid(u32 leaf, u32 subleaf, const CpuState& state, u32 apic_id = 0) const;

    const std::string& name() const { return name_; }
    /// One line that names what the model should have and cannot; mostly empty.
    const std::string& warning() const { return warning_; }
    /// RDMSR and WRMSR of unknown registers do nothing, instead of #GP.
    bool ignores_unknown_msrs() const { return ignores_unknown_msrs_; }
    const FeatureSet& features() const { return features_; }
    bool has(Feature f) const { return features_.has(f); }
    bool is_amd() const { return vendor_ == "AuthenticAMD"; }
    const std::string& vendor() const { return vendor_; }
    u32 family() const { return family_; }
    u32 model() const { return model_; }
    u8 physical_bits() const { return physical_bits_; }

    /// Bits that a guest may set; any other is #GP.
    u64 cr4_allowed() const;
    u64 efer_allowed() const;
    u64 xcr0_allowed() const;
    /// Size of the XSAVE area in the standard format for these components.
    u32 xsave_size(u64 components) const;
    /// The same for the compacted format (XSAVEC, XSAVES).
    u32 xsave_compacted_size(u64 components) const;
    const XsaveRegion& xsave_component(unsigned n) const { return xsave_[n]; }

    /// Drops what an engine cannot provide, and what builds on it.
    void keep_features(const FeatureSet& available);

    void set_cpu_count(u32 count) { cpu_count_ = count; }
    /// Published in leaf 0x40000010; 0: unknown. Not in leaves 0x15/0x16: Linux would take the APIC timer's rate from there
    /// and its 32-bit arithmetic leaves no exact ratio.
    void set_frequencies(u32 tsc_khz, u32 apic_khz) { tsc_khz_ = tsc_khz, apic_khz_ = apic_khz; }

  private:
    class Parser;
    CpuModel() = default;
    u32 signature() const;
    u32 apic_id_bits() const;
    u32 max_extended_leaf() const;
    CpuidLeaf basic(u32 leaf, u32 subleaf, const CpuState& state, u32 apic_id) const;
    CpuidLeaf extended(u32 leaf) const;
    CpuidLeaf hypervisor(u32 leaf) const;
    CpuidLeaf leaf_1(const CpuState& state, u32 apic_id) const;
    CpuidLeaf leaf_4(u32 subleaf) const;
    CpuidLeaf leaf_b(u32 subleaf, u32 apic_id) const;
    CpuidLeaf leaf_d(u32 subleaf, const CpuState& state) const;

    static constexpr const char *kVendorAmd = "AuthenticAMD", *kVendorIntel = "GenuineIntel";

    std::string name_, vendor_, brand_, warning_;
    bool ignores_unknown_msrs_ = false;
    u32 max_leaf_ = kMaxBasicLeaf, max_extended_leaf_ = kMaxExtendedLeafAmd;
    u32 family_ = 0, model_ = 0, stepping_ = 0;
    u8 physical_bits_ = 40;
    u32 cpu_count_ = 1;
    u32 tsc_khz_ = 0, apic_khz_ = 0;
    FeatureSet features_;
    XsaveRegion xsave_[8];
};

}  // namespace twin86
