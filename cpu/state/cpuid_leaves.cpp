// The CPUID leaves of a CpuModel. SDM vol. 2, CPUID; AMD64 APM vol. 3, appendix E.
#include <algorithm>
#include <cstring>

#include "base/bits.h"
#include "cpu/state/cpuid_model.h"

namespace twin86 {

namespace {

constexpr u32 kMaxHypervisorLeaf = 0x40000010;
constexpr u32 kMaxExtendedLeafIntel = 0x80000008;
/// Linear addresses; kernels learn from this, and not from LA57, which ones are canonical.
constexpr u32 kVirtualBits = 48, kVirtualBitsLa57 = 57;
/// Bits of leaf 1 EDX that AMD repeats in leaf 0x80000001 EDX.
constexpr u32 kRepeatedByAmd = 0x0183f3ff;

u32 word(std::string_view text, std::size_t at) {
    char bytes[4] = {};
    for (std::size_t i = 0; i < 4 && at + i < text.size(); ++i) bytes[i] = text[at + i];
    u32 w;
    std::memcpy(&w, bytes, 4);
    return w;
}

/// The caches of leaf 4, 0x80000005 and 0x80000006: plausible sizes that do not depend on the host.
struct Cache {
    u32 type, level, kib, ways;  // type as in leaf 4: 1 data, 2 instruction, 3 unified
};
constexpr Cache kCaches[] = {{1, 1, 32, 8}, {2, 1, 32, 8}, {3, 2, 1024, 16}, {3, 3, 16384, 16}};
constexpr u32 kLineSize = 64;

}  // namespace

CpuidLeaf CpuModel::cpuid(u32 leaf, u32 subleaf, const CpuState& state, u32 apic_id) const {
    if (leaf <= max_leaf_) return basic(leaf, subleaf, state, apic_id);
    if (leaf >= 0x40000000 && leaf <= kMaxHypervisorLeaf && has(Feature::kHypervisor)) return hypervisor(leaf);
    if (leaf >= 0x80000000 && leaf <= max_extended_leaf()) return extended(leaf);
    return {};
}

u32 CpuModel::max_extended_leaf() const { return std::min(max_extended_leaf_, is_amd() ? kMaxExtendedLeafAmd : kMaxExtendedLeafIntel); }

CpuidLeaf CpuModel::basic(u32 leaf, u32 subleaf, const CpuState& state, u32 apic_id) const {
    using enum FeatureWord;
    switch (leaf) {
        case 0: return {max_leaf_, word(vendor_, 0), word(vendor_, 8), word(vendor_, 4)};
        case 1: return leaf_1(state, apic_id);
        case 2: return is_amd() ? CpuidLeaf{} : CpuidLeaf{0x0000ff01, 0, 0, 0};  // see leaf 4
        case 4: return is_amd() ? CpuidLeaf{} : leaf_4(subleaf);
        case 5: return has(Feature::kMonitor) ? CpuidLeaf{kLineSize, kLineSize, 1, 0} : CpuidLeaf{};  // monitored line; extensions
        case 6: return {features_[k6Eax], 0, 0, 0};
        case 7:
            if (subleaf == 0) return {1, features_[k7Ebx], features_[k7Ecx], features_[k7Edx]};
            if (subleaf == 1) return {features_[k7_1Eax], 0, 0, features_[k7_1Edx]};
            return {};
        case 0xb: return leaf_b(subleaf, apic_id);
        case 0xd: return leaf_d(subleaf, state);
        default: return {};
    }
}

u32 CpuModel::signature() const {
    const u32 base_family = family_ < 15 ? family_ : 15;
    return stepping_ | (model_ & 15) << 4 | base_family << 8 | (model_ >> 4) << 16 | (family_ - base_family) << 20;
}

u32 CpuModel::apic_id_bits() const {
    u32 bits = 0;
    while ((u32{1} << bits) < cpu_count_) ++bits;
    return bits;
}

CpuidLeaf CpuModel::leaf_1(const CpuState& state, u32 apic_id) const {
    CpuidLeaf r;
    r.eax = signature();
    r.ebx = (apic_id & 0xff) << 24 | (cpu_count_ & 0xff) << 16 | (kLineSize / 8) << 8;
    r.ecx = features_[FeatureWord::k1Ecx];
    r.edx = features_[FeatureWord::k1Edx];
    if ((state.cr4 & kCr4OSXSAVE) != 0) r.ecx |= u32{1} << feature_info(Feature::kOsxsave).bit;
    if (cpu_count_ > 1) r.edx |= u32{1} << feature_info(Feature::kHt).bit;
    return r;
}

CpuidLeaf CpuModel::leaf_4(u32 subleaf) const {
    if (subleaf >= std::size(kCaches)) return {};
    const Cache& c = kCaches[subleaf];
    const u32 sharing = c.level == 3 ? (u32{1} << apic_id_bits()) - 1 : 0;
    const u32 cores = (u32{1} << apic_id_bits()) - 1;
    const u32 sets = c.kib * 1024 / kLineSize / c.ways;
    return {c.type | c.level << 5 | 1 << 8 | sharing << 14 | (cores & 0x3f) << 26, (kLineSize - 1) | (c.ways - 1) << 22, sets - 1, 0};
}

/// Extended topology: one thread per core, all cores in one package.
CpuidLeaf CpuModel::leaf_b(u32 subleaf, u32 apic_id) const {
    if (!has(Feature::kX2apic)) return {};
    const u32 level = subleaf & 0xff;
    if (level == 0) return {0, 1, 1 << 8, apic_id};
    if (level == 1) return {apic_id_bits(), cpu_count_, 1 | 2 << 8, apic_id};
    return {0, 0, level, apic_id};
}

CpuidLeaf CpuModel::leaf_d(u32 subleaf, const CpuState& state) const {
    const u64 allowed = xcr0_allowed();
    if (allowed == 0) return {};
    if (subleaf == 0) return {static_cast<u32>(allowed), xsave_size(state.xcr0), xsave_size(allowed), 0};
    if (subleaf == 1) {
        const u32 eax = features_[FeatureWord::kD_1Eax];
        return {eax, has(Feature::kXsavec) ? xsave_compacted_size(state.xcr0) : 0, 0, 0};
    }
    if (subleaf >= std::size(xsave_) || (allowed & bit(subleaf)) == 0) return {};
    const XsaveRegion& c = xsave_[subleaf];
    return {c.size, c.offset, c.aligned ? 2u : 0u, 0};
}

/// A vendor that no guest knows: Linux treats it as bare metal that admits to be virtual.
CpuidLeaf CpuModel::hypervisor(u32 leaf) const {
    static constexpr std::string_view kVendor = "Twin86Twin86";
    if (leaf == 0x40000000) return {kMaxHypervisorLeaf, word(kVendor, 0), word(kVendor, 4), word(kVendor, 8)};
    if (leaf == 0x40000010) return {tsc_khz_, apic_khz_, 0, 0};
    return {};
}

CpuidLeaf CpuModel::extended(u32 leaf) const {
    using enum FeatureWord;
    switch (leaf) {
        case 0x80000000: return {max_extended_leaf(), word(vendor_, 0), word(vendor_, 8), word(vendor_, 4)};
        case 0x80000001: {
            const u32 repeated = is_amd() ? features_[k1Edx] & kRepeatedByAmd : 0;
            const u32 cmp_legacy = is_amd() && cpu_count_ > 1 ? u32{1} << feature_info(Feature::kCmpLegacy).bit : 0;
            return {is_amd() ? signature() : 0, 0, features_[k8_1Ecx] | cmp_legacy, features_[k8_1Edx] | repeated};
        }
        case 0x80000002:
        case 0x80000003:
        case 0x80000004: {
            const std::size_t at = (leaf - 0x80000002) * 16;
            return {word(brand_, at), word(brand_, at + 4), word(brand_, at + 8), word(brand_, at + 12)};
        }
        case 0x80000005:  // TLBs, then L1 data and instruction cache: 32 KiB, 8 ways, 64-byte lines
            return is_amd() ? CpuidLeaf{0xff40ff40, 0xff40ff40, 0x20080140, 0x20080140} : CpuidLeaf{};
        case 0x80000006:  // L2: 1024 KiB, 16 ways (code 8); L3: 32 x 512 KiB, 16 ways
            return is_amd() ? CpuidLeaf{0x42004200, 0x42004200, 0x04008140, 0x00808140} : CpuidLeaf{0, 0, 0x04008040, 0};
        case 0x80000007: return {0, 0, 0, features_[k8_7Edx]};
        case 0x80000008: {
            const u32 cores = is_amd() ? apic_id_bits() << 12 | (cpu_count_ - 1) : 0;
            const u32 virtual_bits = has(Feature::kLa57) ? kVirtualBitsLa57 : kVirtualBits;
            return {physical_bits_ | virtual_bits << 8, features_[k8_8Ebx], cores, 0};
        }
        case 0x80000021: return {features_[k8_21Eax], 0, features_[k8_21Ecx], 0};
        default: return {};
    }
}

}  // namespace twin86
