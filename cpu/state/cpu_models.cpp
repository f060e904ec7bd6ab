// Why the tables are as they are (Linux 6.1 is the guest that is read here):
// - Speculation: the guest shall not pay for mitigations that mean nothing under translation. AutoIBRS makes Linux choose
//   'enhanced IBRS' instead of retpolines; AMD_SSB_NO, SRSO_NO and (Intel) IA32_ARCH_CAPABILITIES say 'not affected'.
//   IBPB, IBRS, STIBP and SSBD are hidden, so that no context switch writes their MSRs. Intel needs SPEC_CTRL beside
//   IBRS_ALL, because Linux then writes IA32_SPEC_CTRL once.
// - AMD family 1Ah: arch/x86/kernel/cpu/amd.c has no per-family fix-ups for it (no LS_CFG, IC_CFG, BU_CFG2, no PCI
//   configuration reads, no OSVW); it reads PATCH_LEVEL, HWCR (bit 24) and DE_CFG, which cpu/state/msr_table.cpp has.
// - Named models (named_models.cpp) get the same: their own way of saying 'not affected', whatever year they are of. So
//   QEMU's variants -IBRS and -IBPB are the plain models. MONITOR, SVM and ACPI are left out, as QEMU does under KVM.
// - Performance counters, IBS, thermal and topology extensions are hidden: Linux then leaves their MSRs alone.
// - AVX-IFMA and AVX-VNNI-INT8 are hidden: the decoder does not know them all.
#include "cpu/state/cpu_models.h"

namespace twin86 {

using enum Feature;

namespace {

constexpr Feature kEmulated[] = {
    kFpu, kDe, kPse, kTsc, kMsr, kPae, kMce, kCx8, kApic, kSep, kMtrr, kPge, kMca, kCmov, kPat, kPse36, kClflush, kMmx, kFxsr,
    kSse, kSse2, kX2apic, kTscDeadline, kPcid, kHypervisor, kArat, kFsgsbase, kTscAdjust, kSmep, kSmap, kUmip, kInvpcid, kRdpid,
    kSyscall, kNx, kPdpe1gb, kRdtscp, kLm, kLahfLm, kInvtsc, kAmdNoSsb, kArchCapabilities, kSpecCtrl,
    kNoNestedDataBp, kLfenceSerializing, kNullSelClrBase, kAutoIbrs, kSrsoNo, kTsaSqNo, kTsaL1No, kClzero,
};

// 5-level paging (windows do not show such addresses), virtual interrupt flags (nobody asks), MWAIT (Linux would idle with
// it, which is no better than HLT), and what is nothing to a program: coherent caches, hints, errata that are not there.
constexpr Feature kRequestable[] = {kLa57, kVme, kMonitor, kSs, kCldemote, kFxsrOpt, kOsvw, kWbnoinvd};

constexpr Feature kNative[] = {
    kSse3, kPclmulqdq, kSsse3, kFma, kCx16, kSse41, kSse42, kMovbe, kPopcnt, kAes, kXsave, kAvx, kF16c, kRdrand,
    kBmi1, kAvx2, kBmi2, kErms, kRdseed, kAdx, kClflushopt, kClwb, kSha, kMovdiri,
    kAvx512f, kAvx512dq, kAvx512ifma, kAvx512cd, kAvx512bw, kAvx512vl, kAvx512vbmi, kAvx512vbmi2, kGfni, kVaes, kVpclmulqdq,
    kAvx512vnni, kAvx512bitalg, kAvx512vpopcntdq, kFsrm, kAvx512vp2intersect, kAvx512fp16, kAvxVnni, kAvx512bf16, kFzrm, kFsrs, kFsrc,
    kXsaveopt, kXsavec, kXgetbv1, kXsaves, kMmxext, kAbm, kSse4a, kMisalignsse, kPrefetch3dnow, kXsaveerptr,
};

constexpr FeatureDependency kDependencies[] = {
    {kSse2, kSse}, {kSse3, kSse2}, {kSsse3, kSse3}, {kSse41, kSsse3}, {kSse42, kSse41}, {kSse4a, kSse3}, {kPclmulqdq, kSse2}, {kAes, kSse2},
    {kSha, kSse2}, {kGfni, kSse2},
    {kXsaveopt, kXsave}, {kXsavec, kXsave}, {kXgetbv1, kXsave}, {kXsaves, kXsavec}, {kXsaveerptr, kXsave},
    {kAvx, kXsave}, {kF16c, kAvx}, {kFma, kAvx}, {kAvx2, kAvx}, {kVaes, kAvx}, {kVpclmulqdq, kAvx}, {kAvxVnni, kAvx2},
    {kAvx512f, kAvx2}, {kAvx512f, kFma}, {kAvx512f, kF16c},
    {kAvx512dq, kAvx512f}, {kAvx512ifma, kAvx512f}, {kAvx512cd, kAvx512f}, {kAvx512bw, kAvx512f}, {kAvx512vl, kAvx512f},
    {kAvx512vbmi, kAvx512bw}, {kAvx512vbmi2, kAvx512bw}, {kAvx512bitalg, kAvx512bw}, {kAvx512fp16, kAvx512bw}, {kAvx512bf16, kAvx512bw},
    {kAvx512vnni, kAvx512f}, {kAvx512vpopcntdq, kAvx512f}, {kAvx512vp2intersect, kAvx512vl},
    {kLm, kPae}, {kLa57, kLm}, {kNx, kPae}, {kPdpe1gb, kLm}, {kLahfLm, kLm}, {kPcid, kLm}, {kInvpcid, kPcid}, {kFsgsbase, kLm}, {kPge, kPse}, {kPse36, kPse},
    {kX2apic, kApic}, {kTscDeadline, kApic}, {kArat, kApic}, {kTscDeadline, kTsc}, {kInvtsc, kTsc}, {kTscAdjust, kTsc}, {kRdtscp, kTsc},
};

constexpr FeatureAlias kAliases[] = {
    {"lzcnt", "abm"}, {"xd", "nx"}, {"i64", "lm"}, {"cmpxchg16b", "cx16"}, {"ssb-no", "amd-no-ssb"},
    {"ffxsr", "fxsr-opt"}, {"clfsh", "clflush"}, {"sse3", "pni"}, {"pclmuldq", "pclmulqdq"}, {"avx512vpopcntdq", "avx512-vpopcntdq"}, {"sha", "sha-ni"},
};

// Paravirtual interfaces and nested virtualization of QEMU's engines.
constexpr std::string_view kForeign[] = {
    "kvm",           "kvmclock",        "kvm-nopiodelay", "kvm-mmu",   "kvm-asyncpf", "kvm-steal-time", "kvm-pv-eoi",  "kvm-pv-unhalt",
    "kvm-pv-ipi",    "kvm-poll-control", "kvm-pv-tlb-flush", "kvm-hint-dedicated", "kvmclock-stable-bit", "migratable",  "pmu",
    "hv-relaxed",    "hv-vapic",        "hv-time",        "hv-spinlocks", "hv-passthrough", "npt",      "nrip-save",   "lbrv",
    "svm-lock",      "tsc-scale",       "vmcb-clean",     "vmware-cpuid-freq", "lmce", "xen-vapic",
};

}  // namespace

const std::span<const Feature> kEmulatedFeatures = kEmulated;
const std::span<const Feature> kRequestableFeatures = kRequestable;
const std::span<const Feature> kNativeFeatures = kNative;
const std::span<const FeatureDependency> kFeatureDependencies = kDependencies;
const std::span<const FeatureAlias> kFeatureAliases = kAliases;
const std::span<const std::string_view> kForeignFlags = kForeign;

}  // namespace twin86
