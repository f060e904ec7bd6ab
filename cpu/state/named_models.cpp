// The named models, in QEMU's spelling: what each generation of processors added. Intel SDM vol. 1, chapter 5 and the
// data sheets; AMD64 APM vol. 3, appendix D; x86-64 psABI for the levels.
#include <algorithm>
#include <array>
#include <string>

#include "cpu/state/cpu_models.h"

namespace twin86 {

using enum Feature;

namespace {

using Group = std::span<const Feature>;

// ---- up to the Pentium III and the first virtual processors -------------------------------------------------------------
constexpr Feature k486[] = {kFpu, kVme, kPse, kHypervisor};
constexpr Feature kPentium[] = {kDe, kTsc, kMsr, kMce, kCx8, kMmx};
constexpr Feature kPentium2[] = {kPae, kSep, kMtrr, kPge, kMca, kCmov, kPat, kPse36, kFxsr};
constexpr Feature kPentium3[] = {kSse};
constexpr Feature kPro[] = {  // a P6 with SSE2 and a local APIC: basis of the virtual models
    kFpu, kDe, kPse, kTsc, kMsr, kPae, kMce, kCx8, kApic, kSep, kPge, kCmov, kPat, kMmx, kFxsr, kSse, kSse2, kSse3, kHypervisor,
};
constexpr Feature kProRest[] = {kMtrr, kClflush, kMca, kPse36};
constexpr Feature k64Bit[] = {kCx16, kSyscall, kNx, kLm};
constexpr Feature kLahf[] = {kLahfLm};
constexpr Feature kVme86[] = {kVme};
constexpr Feature kCoreDuo[] = {kVme, kMtrr, kClflush, kMca, kSs, kNx};

// ---- Intel ---------------------------------------------------------------------------------------------------------------
// What costs a guest nothing and spares it mitigations; from Nehalem on.
constexpr Feature kIntelQuiet[] = {kArchCapabilities, kSpecCtrl, kX2apic, kTscDeadline, kTscAdjust, kInvtsc, kArat};
constexpr Feature kConroe[] = {kVme, kMtrr, kClflush, kMca, kPse36, kSsse3, kSyscall, kNx, kLm, kLahfLm};
constexpr Feature kPenryn[] = {kSse41, kCx16};
constexpr Feature kNehalem[] = {kSse42, kPopcnt};
constexpr Feature kWestmere[] = {kAes, kPclmulqdq};
constexpr Feature kSandyBridge[] = {kAvx, kXsave, kXsaveopt, kRdtscp};
constexpr Feature kIvyBridge[] = {kF16c, kRdrand, kSmep, kFsgsbase, kErms};
constexpr Feature kHaswell[] = {kFma, kMovbe, kPcid, kBmi1, kHle, kAvx2, kBmi2, kInvpcid, kRtm, kAbm};
constexpr Feature kBroadwell[] = {kRdseed, kAdx, kSmap, kPrefetch3dnow};
constexpr Feature kSkylakeClient[] = {kXsavec, kXgetbv1};
constexpr Feature kSkylakeServer[] = {kPdpe1gb, kClflushopt, kClwb, kAvx512f, kAvx512dq, kAvx512bw, kAvx512cd, kAvx512vl, kPku};
constexpr Feature kCascadelake[] = {kAvx512vnni};
constexpr Feature kIcelake[] = {
    kAvx512vbmi, kUmip, kAvx512vbmi2, kGfni, kVaes, kVpclmulqdq, kAvx512bitalg, kAvx512vpopcntdq, kLa57, kWbnoinvd, kAvx512ifma, kSha,
    kRdpid, kFsrm, kXsaves,
};

// ---- AMD -----------------------------------------------------------------------------------------------------------------
constexpr Feature kAmdQuiet[] = {
    kX2apic, kTscDeadline, kTscAdjust, kInvtsc, kArat, kAmdNoSsb, kNoNestedDataBp, kLfenceSerializing, kNullSelClrBase, kAutoIbrs, kSrsoNo,
    kTsaSqNo, kTsaL1No,
};
constexpr Feature kOpteron[] = {kVme, kMtrr, kClflush, kMca, kPse36, kSyscall, kNx, kLm};
constexpr Feature kOpteronG2[] = {kCx16, kRdtscp, kLahfLm};
constexpr Feature kOpteronG3[] = {kPopcnt, kMisalignsse, kSse4a, kAbm};
constexpr Feature kZen[] = {
    kRdrand, kF16c, kAvx, kXsave, kAes, kMovbe, kSse42, kSse41, kFma, kSsse3, kPclmulqdq, kPdpe1gb, kFxsrOpt, kMmxext, kOsvw,
    kPrefetch3dnow, kCr8legacy, kFsgsbase, kBmi1, kAvx2, kSmep, kBmi2, kRdseed, kAdx, kSmap, kClflushopt, kSha, kXsaveopt, kXsavec, kXgetbv1,
};
constexpr Feature kZen2[] = {kClwb, kRdpid, kUmip, kClzero, kXsaveerptr, kWbnoinvd};
constexpr Feature kZen3[] = {kPcid, kErms, kInvpcid, kFsrm, kPku, kXsaves, kVaes, kVpclmulqdq};
constexpr Feature kZen4[] = {
    kAvx512f, kAvx512dq, kAvx512ifma, kAvx512cd, kAvx512bw, kAvx512vl, kAvx512vbmi, kAvx512vbmi2, kGfni, kAvx512vnni, kAvx512bitalg,
    kAvx512vpopcntdq, kAvx512bf16, kLa57,
};

// ---- psABI levels --------------------------------------------------------------------------------------------------------
// With system features that cost nothing.
constexpr Feature kV2[] = {
    kPopcnt, kSsse3, kSse41, kSse42, kPcid, kFsgsbase, kSmep, kSmap, kUmip, kInvpcid, kRdpid, kPdpe1gb, kRdtscp,
};
constexpr Feature kV3[] = {kAvx, kAvx2, kBmi1, kBmi2, kF16c, kFma, kAbm, kMovbe, kXsave};
constexpr Feature kV4[] = {kAvx512f, kAvx512bw, kAvx512cd, kAvx512dq, kAvx512vl};

#define GROUPS(name, ...) constexpr Group name[] = {__VA_ARGS__}
#define INTEL_64 kPro, kConroe
GROUPS(g486, k486);
GROUPS(gPentium, k486, kPentium);
GROUPS(gPentium2, k486, kPentium, kPentium2);
GROUPS(gPentium3, k486, kPentium, kPentium2, kPentium3);
GROUPS(gQemu32, kPro);
GROUPS(gKvm32, kPro, kProRest, kVme86);
GROUPS(gQemu64, kPro, kProRest, k64Bit, kLahf);
GROUPS(gKvm64, kPro, kProRest, k64Bit, kVme86);
GROUPS(gCoreDuo, kPro, kCoreDuo);
GROUPS(gConroe, INTEL_64);
GROUPS(gPenryn, INTEL_64, kPenryn);
#define NEHALEM INTEL_64, kPenryn, kNehalem, kIntelQuiet
GROUPS(gNehalem, NEHALEM);
GROUPS(gWestmere, NEHALEM, kWestmere);
#define SANDY_BRIDGE NEHALEM, kWestmere, kSandyBridge
GROUPS(gSandyBridge, SANDY_BRIDGE);
GROUPS(gIvyBridge, SANDY_BRIDGE, kIvyBridge);
GROUPS(gHaswell, SANDY_BRIDGE, kIvyBridge, kHaswell);
GROUPS(gBroadwell, SANDY_BRIDGE, kIvyBridge, kHaswell, kBroadwell);
#define SKYLAKE SANDY_BRIDGE, kIvyBridge, kHaswell, kBroadwell, kSkylakeClient
GROUPS(gSkylakeClient, SKYLAKE);
GROUPS(gSkylakeServer, SKYLAKE, kSkylakeServer);
GROUPS(gCascadelake, SKYLAKE, kSkylakeServer, kCascadelake);
GROUPS(gIcelake, SKYLAKE, kSkylakeServer, kCascadelake, kIcelake);
GROUPS(gOpteronG1, kPro, kOpteron);
GROUPS(gOpteronG2, kPro, kOpteron, kOpteronG2);
GROUPS(gOpteronG3, kPro, kOpteron, kOpteronG2, kOpteronG3);
#define ZEN kPro, kOpteron, kOpteronG2, kOpteronG3, kZen, kAmdQuiet
GROUPS(gZen, ZEN);
GROUPS(gZen2, ZEN, kZen2);
GROUPS(gZen3, ZEN, kZen2, kZen3);
GROUPS(gZen4, ZEN, kZen2, kZen3, kZen4);
#define BASELINE kPro, kProRest, k64Bit, kLahf
GROUPS(gV1, BASELINE);
GROUPS(gV2, BASELINE, kAmdQuiet, kV2);
GROUPS(gV3, BASELINE, kAmdQuiet, kV2, kV3);
GROUPS(gV4, BASELINE, kAmdQuiet, kV2, kV3, kV4);

constexpr auto kHost = ModelVendor::kHost;
constexpr auto kAmd = ModelVendor::kAmd;
constexpr auto kIntel = ModelVendor::kIntel;

constexpr NamedModel kModels[] = {
    {"max", "all that this host and the emulator offer (default)", kHost},
    {"host", "the same as max, with all of the host's physical address bits", kHost},
    {"base", "no CPUID features at all, to add to", kAmd, 6, 0, 0},
    {"qemu64", "a plain 64-bit processor, SSE3", kAmd, 15, 107, 1, gQemu64},
    {"qemu32", "a plain 32-bit processor, SSE3", kIntel, 6, 6, 3, gQemu32},
    {"kvm64", "a common 64-bit processor, SSE3", kIntel, 15, 6, 1, gKvm64},
    {"kvm32", "a common 32-bit processor, SSE3", kIntel, 15, 6, 1, gKvm32},
    {"x86-64-v1", "psABI baseline: SSE2 (here SSE3 and CMPXCHG16B too)", kAmd, 15, 107, 1, gV1},
    {"x86-64-v2", "psABI level 2: SSE4.2, POPCNT", kAmd, 26, 2, 1, gV2},
    {"x86-64-v3", "psABI level 3: AVX2, BMI2, FMA", kAmd, 26, 2, 1, gV3},
    {"x86-64-v4", "psABI level 4: AVX-512", kAmd, 26, 2, 1, gV4},
    {"486", "Intel 80486", kIntel, 4, 8, 0, g486},
    {"pentium", "Intel Pentium MMX", kIntel, 5, 4, 3, gPentium},
    {"pentium2", "Intel Pentium II", kIntel, 6, 5, 2, gPentium2},
    {"pentium3", "Intel Pentium III", kIntel, 6, 7, 3, gPentium3},
    {"coreduo", "Intel Core Duo, 32 bits", kIntel, 6, 14, 8, gCoreDuo},
    {"core2duo", "Intel Core 2 Duo", kIntel, 6, 15, 11, gConroe},
    {"Conroe", "Intel Core 2, 2006", kIntel, 6, 15, 3, gConroe},
    {"Penryn", "Intel Core 2, 2007: SSE4.1", kIntel, 6, 23, 3, gPenryn},
    {"Nehalem", "Intel Core, 2008: SSE4.2, POPCNT", kIntel, 6, 26, 3, gNehalem},
    {"Westmere", "Intel Core, 2010: AES", kIntel, 6, 44, 1, gWestmere},
    {"SandyBridge", "Intel Core, 2011: AVX", kIntel, 6, 42, 1, gSandyBridge},
    {"IvyBridge", "Intel Core, 2012: F16C, RDRAND", kIntel, 6, 58, 9, gIvyBridge},
    {"Haswell", "Intel Core, 2013: AVX2, BMI, FMA, TSX", kIntel, 6, 60, 4, gHaswell},
    {"Broadwell", "Intel Core, 2014: ADX, SMAP", kIntel, 6, 61, 2, gBroadwell},
    {"Skylake-Client", "Intel Core, 2015: XSAVEC", kIntel, 6, 94, 3, gSkylakeClient},
    {"Skylake-Server", "Intel Xeon, 2017: AVX-512", kIntel, 6, 85, 4, gSkylakeServer},
    {"Cascadelake-Server", "Intel Xeon, 2019: AVX512-VNNI", kIntel, 6, 85, 6, gCascadelake},
    {"Icelake-Server", "Intel Xeon, 2021: VAES, GFNI, SHA", kIntel, 6, 106, 0, gIcelake},
    {"Opteron_G1", "AMD Opteron, 2003", kAmd, 15, 6, 1, gOpteronG1},
    {"Opteron_G2", "AMD Opteron, 2006: CMPXCHG16B, RDTSCP", kAmd, 15, 6, 1, gOpteronG2},
    {"Opteron_G3", "AMD Opteron, 2009: SSE4A, POPCNT", kAmd, 16, 2, 3, gOpteronG3},
    {"EPYC", "AMD Zen, 2017: AVX2, SHA", kAmd, 23, 1, 2, gZen},
    {"EPYC-Rome", "AMD Zen 2, 2019: CLWB, RDPID", kAmd, 23, 49, 0, gZen2},
    {"EPYC-Milan", "AMD Zen 3, 2021: VAES, PCID", kAmd, 25, 1, 1, gZen3},
    {"EPYC-Genoa", "AMD Zen 4, 2022: AVX-512", kAmd, 25, 17, 0, gZen4},
};

bool has_tsx(const NamedModel& m) {
    return std::any_of(m.features.begin(), m.features.end(), [](Group g) { return std::find(g.begin(), g.end(), kRtm) != g.end(); });
}

bool strip(std::string_view& name, std::string_view suffix) {
    if (!name.ends_with(suffix)) return false;
    name.remove_suffix(suffix.size());
    return true;
}

}  // namespace

const std::span<const NamedModel> kNamedModels = kModels;

const NamedModel* find_named_model(std::string_view name, bool& without_tsx) {
    const bool intel_variant = strip(name, "-IBRS"), amd_variant = !intel_variant && strip(name, "-IBPB");
    without_tsx = strip(name, "-noTSX");
    const auto at = std::find_if(std::begin(kModels), std::end(kModels), [name](const NamedModel& m) { return m.name == name; });
    if (at == std::end(kModels) || (without_tsx && !has_tsx(*at))) return nullptr;
    const ModelVendor vendor = intel_variant ? kIntel : amd_variant ? kAmd : at->vendor;
    return vendor == at->vendor ? &*at : nullptr;
}

}  // namespace twin86
