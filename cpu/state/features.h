// Feature: every CPUID feature bit that this emulator knows, with its place and QEMU's spelling of its name.
//
// The one list behind the CPU models (cpu/state/cpuid_model.h) and the instruction table (cpu/decode): each instruction
// form names the feature that offers it. SDM vol. 2, CPUID; AMD64 APM vol. 3, appendix E.
#pragma once

#include <string_view>

#include "base/types.h"

namespace twin86 {

/// The CPUID output registers that hold feature bits.
enum class FeatureWord : u8 {
    kNone,        ///< not a CPUID bit: always there
    k1Edx,
    k1Ecx,
    k6Eax,
    k7Ebx,        ///< leaf 7, subleaf 0
    k7Ecx,
    k7Edx,
    k7_1Eax,      ///< leaf 7, subleaf 1
    k7_1Edx,
    kD_1Eax,      ///< leaf 0xd, subleaf 1
    k8_1Edx,      ///< leaf 0x80000001
    k8_1Ecx,
    k8_7Edx,      ///< leaf 0x80000007
    k8_8Ebx,      ///< leaf 0x80000008
    k8_21Eax,     ///< leaf 0x80000021
    k8_21Ecx,
    kCount,
};

/// X(enumerator, word, bit, name)
#define TWIN86_FEATURES(X)                                      \
    X(Fpu, k1Edx, 0, "fpu")                                     \
    X(Vme, k1Edx, 1, "vme")                                     \
    X(De, k1Edx, 2, "de")                                       \
    X(Pse, k1Edx, 3, "pse")                                     \
    X(Tsc, k1Edx, 4, "tsc")                                     \
    X(Msr, k1Edx, 5, "msr")                                     \
    X(Pae, k1Edx, 6, "pae")                                     \
    X(Mce, k1Edx, 7, "mce")                                     \
    X(Cx8, k1Edx, 8, "cx8")                                     \
    X(Apic, k1Edx, 9, "apic")                                   \
    X(Sep, k1Edx, 11, "sep")                                    \
    X(Mtrr, k1Edx, 12, "mtrr")                                  \
    X(Pge, k1Edx, 13, "pge")                                    \
    X(Mca, k1Edx, 14, "mca")                                    \
    X(Cmov, k1Edx, 15, "cmov")                                  \
    X(Pat, k1Edx, 16, "pat")                                    \
    X(Pse36, k1Edx, 17, "pse36")                                \
    X(Clflush, k1Edx, 19, "clflush")                            \
    X(Acpi, k1Edx, 22, "acpi")                                  \
    X(Mmx, k1Edx, 23, "mmx")                                    \
    X(Fxsr, k1Edx, 24, "fxsr")                                  \
    X(Sse, k1Edx, 25, "sse")                                    \
    X(Sse2, k1Edx, 26, "sse2")                                  \
    X(Ss, k1Edx, 27, "ss")                                      \
    X(Ht, k1Edx, 28, "ht")                                      \
    X(Sse3, k1Ecx, 0, "pni")                                    \
    X(Pclmulqdq, k1Ecx, 1, "pclmulqdq")                         \
    X(Monitor, k1Ecx, 3, "monitor")                             \
    X(Vmx, k1Ecx, 5, "vmx")                                     \
    X(Smx, k1Ecx, 6, "smx")                                     \
    X(Ssse3, k1Ecx, 9, "ssse3")                                 \
    X(Fma, k1Ecx, 12, "fma")                                    \
    X(Cx16, k1Ecx, 13, "cx16")                                  \
    X(Pcid, k1Ecx, 17, "pcid")                                  \
    X(Sse41, k1Ecx, 19, "sse4.1")                               \
    X(Sse42, k1Ecx, 20, "sse4.2")                               \
    X(X2apic, k1Ecx, 21, "x2apic")                              \
    X(Movbe, k1Ecx, 22, "movbe")                                \
    X(Popcnt, k1Ecx, 23, "popcnt")                              \
    X(TscDeadline, k1Ecx, 24, "tsc-deadline")                   \
    X(Aes, k1Ecx, 25, "aes")                                    \
    X(Xsave, k1Ecx, 26, "xsave")                                \
    X(Osxsave, k1Ecx, 27, "osxsave") /* CR4.OSXSAVE, dynamic */ \
    X(Avx, k1Ecx, 28, "avx")                                    \
    X(F16c, k1Ecx, 29, "f16c")                                  \
    X(Rdrand, k1Ecx, 30, "rdrand")                              \
    X(Hypervisor, k1Ecx, 31, "hypervisor")                      \
    X(Arat, k6Eax, 2, "arat")                                   \
    X(Fsgsbase, k7Ebx, 0, "fsgsbase")                           \
    X(TscAdjust, k7Ebx, 1, "tsc-adjust")                        \
    X(Sgx, k7Ebx, 2, "sgx")                                     \
    X(Bmi1, k7Ebx, 3, "bmi1")                                   \
    X(Hle, k7Ebx, 4, "hle")                                     \
    X(Avx2, k7Ebx, 5, "avx2")                                   \
    X(Smep, k7Ebx, 7, "smep")                                   \
    X(Bmi2, k7Ebx, 8, "bmi2")                                   \
    X(Erms, k7Ebx, 9, "erms")                                   \
    X(Invpcid, k7Ebx, 10, "invpcid")                            \
    X(Rtm, k7Ebx, 11, "rtm")                                    \
    X(Mpx, k7Ebx, 14, "mpx")                                    \
    X(Avx512f, k7Ebx, 16, "avx512f")                            \
    X(Avx512dq, k7Ebx, 17, "avx512dq")                          \
    X(Rdseed, k7Ebx, 18, "rdseed")                              \
    X(Adx, k7Ebx, 19, "adx")                                    \
    X(Smap, k7Ebx, 20, "smap")                                  \
    X(Avx512ifma, k7Ebx, 21, "avx512ifma")                      \
    X(Clflushopt, k7Ebx, 23, "clflushopt")                      \
    X(Clwb, k7Ebx, 24, "clwb")                                  \
    X(IntelPt, k7Ebx, 25, "intel-pt")                           \
    X(Avx512pf, k7Ebx, 26, "avx512pf")                          \
    X(Avx512er, k7Ebx, 27, "avx512er")                          \
    X(Avx512cd, k7Ebx, 28, "avx512cd")                          \
    X(Sha, k7Ebx, 29, "sha-ni")                                 \
    X(Avx512bw, k7Ebx, 30, "avx512bw")                          \
    X(Avx512vl, k7Ebx, 31, "avx512vl")                          \
    X(Avx512vbmi, k7Ecx, 1, "avx512vbmi")                       \
    X(Umip, k7Ecx, 2, "umip")                                   \
    X(Pku, k7Ecx, 3, "pku")                                     \
    X(Ospke, k7Ecx, 4, "ospke") /* CR4.PKE, dynamic */          \
    X(Waitpkg, k7Ecx, 5, "waitpkg")                             \
    X(Avx512vbmi2, k7Ecx, 6, "avx512vbmi2")                     \
    X(Shstk, k7Ecx, 7, "shstk")                                 \
    X(Gfni, k7Ecx, 8, "gfni")                                   \
    X(Vaes, k7Ecx, 9, "vaes")                                   \
    X(Vpclmulqdq, k7Ecx, 10, "vpclmulqdq")                      \
    X(Avx512vnni, k7Ecx, 11, "avx512vnni")                      \
    X(Avx512bitalg, k7Ecx, 12, "avx512bitalg")                  \
    X(Avx512vpopcntdq, k7Ecx, 14, "avx512-vpopcntdq")           \
    X(La57, k7Ecx, 16, "la57")                                  \
    X(Rdpid, k7Ecx, 22, "rdpid")                                \
    X(KeyLocker, k7Ecx, 23, "key-locker")                       \
    X(Cldemote, k7Ecx, 25, "cldemote")                          \
    X(Movdiri, k7Ecx, 27, "movdiri")                            \
    X(Movdir64b, k7Ecx, 28, "movdir64b")                        \
    X(Enqcmd, k7Ecx, 29, "enqcmd")                              \
    X(Pks, k7Ecx, 31, "pks")                                    \
    X(Avx512_4vnniw, k7Edx, 2, "avx512-4vnniw")                 \
    X(Avx512_4fmaps, k7Edx, 3, "avx512-4fmaps")                 \
    X(Fsrm, k7Edx, 4, "fsrm")                                   \
    X(Uintr, k7Edx, 5, "uintr")                                 \
    X(Avx512vp2intersect, k7Edx, 8, "avx512-vp2intersect")      \
    X(MdClear, k7Edx, 10, "md-clear")                           \
    X(Serialize, k7Edx, 14, "serialize")                        \
    X(TsxLdtrk, k7Edx, 16, "tsx-ldtrk")                         \
    X(Ibt, k7Edx, 20, "ibt")                                    \
    X(AmxBf16, k7Edx, 22, "amx-bf16")                           \
    X(Avx512fp16, k7Edx, 23, "avx512-fp16")                     \
    X(AmxTile, k7Edx, 24, "amx-tile")                           \
    X(AmxInt8, k7Edx, 25, "amx-int8")                           \
    X(SpecCtrl, k7Edx, 26, "spec-ctrl")                         \
    X(Stibp, k7Edx, 27, "stibp")                                \
    X(FlushL1d, k7Edx, 28, "flush-l1d")                         \
    X(ArchCapabilities, k7Edx, 29, "arch-capabilities")         \
    X(Ssbd, k7Edx, 31, "ssbd")                                  \
    X(AvxVnni, k7_1Eax, 4, "avx-vnni")                          \
    X(Avx512bf16, k7_1Eax, 5, "avx512-bf16")                    \
    X(Cmpccxadd, k7_1Eax, 7, "cmpccxadd")                       \
    X(Fzrm, k7_1Eax, 10, "fzrm")                                \
    X(Fsrs, k7_1Eax, 11, "fsrs")                                \
    X(Fsrc, k7_1Eax, 12, "fsrc")                                \
    X(AmxFp16, k7_1Eax, 21, "amx-fp16")                         \
    X(AvxIfma, k7_1Eax, 23, "avx-ifma")                         \
    X(AvxVnniInt8, k7_1Edx, 4, "avx-vnni-int8")                 \
    X(AvxNeConvert, k7_1Edx, 5, "avx-ne-convert")               \
    X(Prefetchiti, k7_1Edx, 14, "prefetchiti")                  \
    X(Xsaveopt, kD_1Eax, 0, "xsaveopt")                         \
    X(Xsavec, kD_1Eax, 1, "xsavec")                             \
    X(Xgetbv1, kD_1Eax, 2, "xgetbv1")                           \
    X(Xsaves, kD_1Eax, 3, "xsaves")                             \
    X(Syscall, k8_1Edx, 11, "syscall")                          \
    X(Nx, k8_1Edx, 20, "nx")                                    \
    X(Mmxext, k8_1Edx, 22, "mmxext")                            \
    X(FxsrOpt, k8_1Edx, 25, "fxsr-opt")                         \
    X(Pdpe1gb, k8_1Edx, 26, "pdpe1gb")                          \
    X(Rdtscp, k8_1Edx, 27, "rdtscp")                            \
    X(Lm, k8_1Edx, 29, "lm")                                    \
    X(Now3dExt, k8_1Edx, 30, "3dnowext")                        \
    X(Now3d, k8_1Edx, 31, "3dnow")                              \
    X(LahfLm, k8_1Ecx, 0, "lahf-lm")                            \
    X(CmpLegacy, k8_1Ecx, 1, "cmp-legacy")                      \
    X(Svm, k8_1Ecx, 2, "svm")                                   \
    X(Extapic, k8_1Ecx, 3, "extapic")                           \
    X(Cr8legacy, k8_1Ecx, 4, "cr8legacy")                       \
    X(Abm, k8_1Ecx, 5, "abm")                                   \
    X(Sse4a, k8_1Ecx, 6, "sse4a")                               \
    X(Misalignsse, k8_1Ecx, 7, "misalignsse")                   \
    X(Prefetch3dnow, k8_1Ecx, 8, "3dnowprefetch")               \
    X(Osvw, k8_1Ecx, 9, "osvw")                                 \
    X(Ibs, k8_1Ecx, 10, "ibs")                                  \
    X(Xop, k8_1Ecx, 11, "xop")                                  \
    X(Skinit, k8_1Ecx, 12, "skinit")                            \
    X(Wdt, k8_1Ecx, 13, "wdt")                                  \
    X(Lwp, k8_1Ecx, 15, "lwp")                                  \
    X(Fma4, k8_1Ecx, 16, "fma4")                                \
    X(Tce, k8_1Ecx, 17, "tce")                                  \
    X(NodeidMsr, k8_1Ecx, 19, "nodeid-msr")                     \
    X(Tbm, k8_1Ecx, 21, "tbm")                                  \
    X(Topoext, k8_1Ecx, 22, "topoext")                          \
    X(PerfctrCore, k8_1Ecx, 23, "perfctr-core")                 \
    X(PerfctrNb, k8_1Ecx, 24, "perfctr-nb")                     \
    X(Mwaitx, k8_1Ecx, 29, "mwaitx")                            \
    X(Invtsc, k8_7Edx, 8, "invtsc")                             \
    X(Clzero, k8_8Ebx, 0, "clzero")                             \
    X(Xsaveerptr, k8_8Ebx, 2, "xsaveerptr")                     \
    X(Invlpgb, k8_8Ebx, 3, "invlpgb")                           \
    X(Rdpru, k8_8Ebx, 4, "rdpru")                               \
    X(Wbnoinvd, k8_8Ebx, 9, "wbnoinvd")                         \
    X(Ibpb, k8_8Ebx, 12, "ibpb")                                \
    X(Ibrs, k8_8Ebx, 14, "ibrs")                                \
    X(AmdStibp, k8_8Ebx, 15, "amd-stibp")                       \
    X(AmdSsbd, k8_8Ebx, 24, "amd-ssbd")                         \
    X(VirtSsbd, k8_8Ebx, 25, "virt-ssbd")                       \
    X(AmdNoSsb, k8_8Ebx, 26, "amd-no-ssb")                      \
    X(AmdPsfd, k8_8Ebx, 28, "amd-psfd")                         \
    X(NoNestedDataBp, k8_21Eax, 0, "no-nested-data-bp")         \
    X(LfenceSerializing, k8_21Eax, 2, "lfence-always-serializing") \
    X(NullSelClrBase, k8_21Eax, 6, "null-sel-clr-base")         \
    X(AutoIbrs, k8_21Eax, 8, "auto-ibrs")                       \
    X(SrsoNo, k8_21Eax, 29, "srso-no")                          \
    X(TsaSqNo, k8_21Ecx, 1, "tsa-sq-no")                        \
    X(TsaL1No, k8_21Ecx, 2, "tsa-l1-no")

enum class Feature : u8 {
    kNone,  ///< an instruction set that is never offered
    kBase,  ///< no CPUID bit: every processor of this emulator has it
#define X(enumerator, word, bit, name) k##enumerator,
    TWIN86_FEATURES(X)
#undef X
    kCount,
    // Other names of the same bits.
    kLzcnt = kAbm,
    kPclmul = kPclmulqdq,
    kVpclmul = kVpclmulqdq,
    kPrefetchw = kPrefetch3dnow,
    kLongMode = kLm,
    kLahf64 = kLahfLm,
};

/// The first value that has a CPUID bit.
constexpr u8 kFirstFeature = static_cast<u8>(Feature::kBase) + 1;

struct FeatureInfo {
    FeatureWord word = FeatureWord::kNone;
    u8 bit = 0;
    std::string_view name;
};

/// Indexed by Feature.
inline constexpr FeatureInfo kFeatures[] = {
    {FeatureWord::kNone, 0, "none"},
    {FeatureWord::kNone, 0, "base"},
#define X(enumerator, word, bit, name) {FeatureWord::word, bit, name},
    TWIN86_FEATURES(X)
#undef X
};
static_assert(sizeof(kFeatures) / sizeof(kFeatures[0]) == static_cast<unsigned>(Feature::kCount));
static_assert(static_cast<unsigned>(Feature::kCount) <= 256);

constexpr const FeatureInfo& feature_info(Feature f) { return kFeatures[static_cast<u8>(f)]; }

/// A set of features as CPUID words.
struct FeatureSet {
    u32 words[static_cast<unsigned>(FeatureWord::kCount)] = {};

    constexpr u32& operator[](FeatureWord w) { return words[static_cast<u8>(w)]; }
    constexpr u32 operator[](FeatureWord w) const { return words[static_cast<u8>(w)]; }
    constexpr bool has(Feature f) const {
        const FeatureInfo& i = feature_info(f);
        if (i.word == FeatureWord::kNone) return f == Feature::kBase;
        return ((*this)[i.word] >> i.bit & 1) != 0;
    }
    constexpr void set(Feature f, bool on = true) {
        const FeatureInfo& i = feature_info(f);
        if (i.word == FeatureWord::kNone) return;
        const u32 mask = u32{1} << i.bit;
        (*this)[i.word] = on ? (*this)[i.word] | mask : (*this)[i.word] & ~mask;
    }
    constexpr FeatureSet operator&(const FeatureSet& other) const {
        FeatureSet r;
        for (unsigned w = 0; w < static_cast<unsigned>(FeatureWord::kCount); ++w) r.words[w] = words[w] & other.words[w];
        return r;
    }
    constexpr bool operator==(const FeatureSet&) const = default;
};

}  // namespace twin86
