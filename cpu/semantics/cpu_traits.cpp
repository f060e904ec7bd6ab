#include "cpu/semantics/cpu_traits.h"

namespace twin86 {
namespace {

constexpr unsigned kFamilyZen5 = 0x1a;
constexpr u32 kEbxAuth = 0x68747541, kEbxHygo = 0x6f677948;  // "Auth"enticAMD, "Hygo"nGenuine

/// A control bit that exists when a CPUID bit does.
struct Dependent {
    u32 leaf;
    unsigned reg, bit_number;
    u64 mask;
};

enum { kEax, kEbx, kEcx, kEdx };

constexpr Dependent kCr4Bits[] = {
    {1, kEdx, 1, kCr4VME | kCr4PVI}, {1, kEdx, 4, kCr4TSD},    {1, kEdx, 2, kCr4DE},       {1, kEdx, 3, kCr4PSE},
    {1, kEdx, 6, kCr4PAE},           {1, kEdx, 7, kCr4MCE},    {1, kEdx, 13, kCr4PGE},     {1, kEdx, 24, kCr4OSFXSR},
    {1, kEdx, 25, kCr4OSXMMEXCPT},   {1, kEcx, 17, kCr4PCIDE}, {1, kEcx, 26, kCr4OSXSAVE}, {7, kEbx, 0, kCr4FSGSBASE},
    {7, kEbx, 7, kCr4SMEP},          {7, kEbx, 20, kCr4SMAP},  {7, kEcx, 2, kCr4UMIP},     {7, kEcx, 3, kCr4PKE},
    {7, kEcx, 16, kCr4LA57},
};

constexpr Dependent kEferBits[] = {
    {0x80000001, kEdx, 11, kEferSCE},   {0x80000001, kEdx, 29, kEferLME | kEferLMA}, {0x80000001, kEdx, 20, kEferNXE},
    {0x80000001, kEcx, 2, kEferSVME},   {0x80000001, kEdx, 25, kEferFFXSR},          {0x80000001, kEcx, 17, kEferTCE},
    {0x80000021, kEax, 8, kEferAIBRSE},
};

class Query {
  public:
    Query(const CpuidSource& model, const CpuState& state) : model_(model), state_(state) {}

    u32 reg(u32 leaf, u32 subleaf, unsigned which) const {
        u32 out[4] = {};
        model_.cpuid(leaf, subleaf, state_, out);
        return out[which];
    }
    /// As reg, but 0 beyond the last leaf of the range, where CPUID returns other leaves' data.
    u32 known(u32 leaf, u32 subleaf, unsigned which) const {
        const u32 last = reg(leaf & 0x80000000, 0, kEax);
        return last >= leaf && (last & 0x80000000) == (leaf & 0x80000000) ? reg(leaf, subleaf, which) : 0;
    }
    bool has(u32 leaf, unsigned which, unsigned bit_number) const { return known(leaf, 0, which) >> bit_number & 1; }

    template <std::size_t n>
    u64 mask(const Dependent (&table)[n]) const {
        u64 result = 0;
        for (const Dependent& d : table)
            if (has(d.leaf, d.reg, d.bit_number)) result |= d.mask;
        return result;
    }

  private:
    const CpuidSource& model_;
    const CpuState& state_;
};

/// SDM vol. 2, CPUID, figure 3-6.
unsigned family_of(u32 signature) {
    const unsigned base = signature >> 8 & 0xf;
    return base == 0xf ? base + (signature >> 20 & 0xff) : base;
}

XsaveLayout read_layout(const Query& query) {
    XsaveLayout layout;
    layout.component[0] = {0, 160, false};
    layout.component[1] = {160, 256, false};
    if (!query.has(1, kEcx, 26)) return layout;
    layout.xcr0_supported = (query.known(0xd, 0, kEax) & kXcr0Supported) | kXfeatureX87;
    for (unsigned i = 2; i < kXsaveComponents; ++i) {
        if (!(layout.xcr0_supported & bit(i))) continue;
        const u32 size = query.known(0xd, i, kEax), offset = query.known(0xd, i, kEbx);
        if (offset < kXsaveExtendedStart || offset + u64{size} > kXsaveAreaSize) {
            layout.xcr0_supported &= ~bit(i);
            continue;
        }
        layout.component[i] = {static_cast<u16>(offset), static_cast<u16>(size), (query.known(0xd, i, kEcx) & 2) != 0};
    }
    return layout;
}

}  // namespace

CpuTraits::CpuTraits(const CpuidSource& model, const CpuState& state) {
    const Query query(model, state);
    const u32 vendor = query.reg(0, 0, kEbx);
    amd = vendor == kEbxAuth || vendor == kEbxHygo;
    packs_whole = amd && family_of(query.reg(1, 0, kEax)) >= kFamilyZen5;
    if (const u32 sizes = query.known(0x80000008, 0, kEax)) physical_bits = sizes & 0xff;
    cr4_supported = query.mask(kCr4Bits) | kCr4PCE;
    efer_supported = query.mask(kEferBits);
    pcid = query.has(1, kEcx, 17);
    has_spec_ctrl = query.has(7, kEdx, 26) || query.has(7, kEdx, 27) || query.has(7, kEdx, 31) ||
                    query.has(0x80000008, kEbx, 14) || query.has(0x80000008, kEbx, 15) ||
                    query.has(0x80000008, kEbx, 24);
    has_pred_cmd = query.has(7, kEdx, 26) || query.has(0x80000008, kEbx, 12);
    has_rdtscp = query.has(0x80000001, kEdx, 27) || query.has(7, kEcx, 22);
    has_tsc_adjust = query.has(7, kEbx, 1);
    ignores_unknown_msrs = model.ignores_unknown_msrs();
    xsave = read_layout(query);
    const u32 xsave_forms = query.has(1, kEcx, 26) ? query.known(0xd, 1, kEax) : 0;
    xsavec = xsave_forms & 2;
    xgetbv1 = xsave_forms & 4;
    xsaves = xsave_forms & 8;
    msr = {amd, physical_bits, query.has(1, kEdx, 14), query.has(7, kEdx, 29), query.has(7, kEcx, 16)};
}

}  // namespace twin86
