#include "accel/kvm/kvm_cpuid.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <cstring>

#include "accel/kvm/kvm_requests.h"

namespace twin86::kvm {

namespace {

class TableWriter {
  public:
    explicit TableWriter(const CpuModel& model) : model_(model) {}

    void leaf(u32 function, u32 index = 0, u32 flags = 0) {
        const CpuidLeaf l = model_.cpuid(function, index, state_);
        CHECK(table.count < kMaxCpuidEntries, "CPUID table is full");
        table.entries[table.count++] = {function, index, flags, l.eax, l.ebx, l.ecx, l.edx, {}};
    }
    void leaves(u32 first) {
        const u32 last = model_.cpuid(first, 0, state_).eax;
        for (u32 f = first; f >= first && f <= last && f - first < 0x40; ++f) {
            if (const u32 n = indices(f); n != 0)
                for (u32 i = 0; i < n; ++i) leaf(f, i, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
            else
                leaf(f);
        }
    }

    CpuidTable table{};

  private:
    /// Subleaves of the leaves that have any, SDM vol. 2, CPUID; 0: none.
    static u32 indices(u32 function) {
        switch (function) {
            case 4:
                return 5;
            case 7:
                return 2;
            case 0xb:
                return 3;
            case 0xd:
                return 20;
            default:
                return 0;
        }
    }

    const CpuModel& model_;
    const CpuState state_{};
};

/// Where a word of feature bits stands in CPUID.
struct WordPlace {
    FeatureWord word;
    u32 function, index;
    u32 kvm_cpuid_entry2::*reg;
};
constexpr WordPlace kPlaces[] = {
    {FeatureWord::k1Edx, 1, 0, &kvm_cpuid_entry2::edx},
    {FeatureWord::k1Ecx, 1, 0, &kvm_cpuid_entry2::ecx},
    {FeatureWord::k7Ebx, 7, 0, &kvm_cpuid_entry2::ebx},
    {FeatureWord::k7Ecx, 7, 0, &kvm_cpuid_entry2::ecx},
    {FeatureWord::k7Edx, 7, 0, &kvm_cpuid_entry2::edx},
    {FeatureWord::k7_1Eax, 7, 1, &kvm_cpuid_entry2::eax},
    {FeatureWord::k7_1Edx, 7, 1, &kvm_cpuid_entry2::edx},
    {FeatureWord::kD_1Eax, 0xd, 1, &kvm_cpuid_entry2::eax},
    {FeatureWord::k8_1Edx, 0x80000001, 0, &kvm_cpuid_entry2::edx},
    {FeatureWord::k8_1Ecx, 0x80000001, 0, &kvm_cpuid_entry2::ecx},
};

/// Ours in any case: the local APIC and time are the machine's, the rest says what does not happen.
constexpr Feature kOwnFeatures[] = {Feature::kApic,      Feature::kX2apic, Feature::kTscDeadline, Feature::kHypervisor,
                                    Feature::kTscAdjust, Feature::kMtrr,   Feature::kPat,         Feature::kMca,
                                    Feature::kMce,       Feature::kAcpi,   Feature::kHt,          Feature::kCmpLegacy,
                                    Feature::kExtapic};

/// KVM's emulator refuses CR4.PCIDE and raises #UD for RDPID.
constexpr Feature kNotEmulated[] = {Feature::kPcid, Feature::kInvpcid, Feature::kRdpid, Feature::kLa57};

}  // namespace

CpuidTable cpuid_table(const CpuModel& model) {
    TableWriter writer(model);
    writer.leaves(0);
    if (model.has(Feature::kHypervisor)) writer.leaves(0x40000000);
    writer.leaves(0x80000000);
    return writer.table;
}

Status set_cpuid(VcpuHandle& vcpu, const CpuModel& model) {
    if (vcpu.has_model) return {};
    CpuidTable table = cpuid_table(model);
    const int r = vcpu.call(kSetCpuid2, &table);
    if (r < 0) return error("KVM refuses the processor model {}: {}", model.name(), std::strerror(-r));
    vcpu.has_model = true;
    return {};
}

FeatureSet available_features(const KvmSystem& system, const Backend& backend) {
    FeatureSet set;
    std::fill(std::begin(set.words), std::end(set.words), ~u32{0});
    if (!backend.native_ring0()) {
        for (const Feature f : kNotEmulated) set.set(f, false);
        return set;
    }
    CpuidTable table{};
    table.count = kMaxCpuidEntries;
    if (::ioctl(system.fd(), kGetSupportedCpuid, &table) != 0) return set;
    for (const WordPlace& place : kPlaces) {
        const auto* const end = table.entries + table.count;
        const auto* const e =
            std::find_if(static_cast<const kvm_cpuid_entry2*>(table.entries), end, [&](const kvm_cpuid_entry2& entry) {
                return entry.function == place.function && entry.index == place.index;
            });
        set[place.word] = e != end ? e->*place.reg : 0;
    }
    for (const Feature f : kOwnFeatures) set.set(f);
    return set;
}

}  // namespace twin86::kvm
