// Feature: one value for each CPUID bit that makes instructions exist, with its place in CPUID and its QEMU name.
#pragma once

#include <bitset>
#include <span>

#include "base/types.h"

namespace twin86 {

struct Insn;

// X(enumerator, QEMU name, leaf, subleaf, register, bit); Base has no bit.
#define TWIN86_FEATURES(X)                                             \
    X(Fpu, "fpu", 1, 0, kEdx, 0)                                       \
    X(Tsc, "tsc", 1, 0, kEdx, 4)                                       \
    X(Msr, "msr", 1, 0, kEdx, 5)                                       \
    X(Cx8, "cx8", 1, 0, kEdx, 8)                                       \
    X(Sep, "sep", 1, 0, kEdx, 11)                                      \
    X(Cmov, "cmov", 1, 0, kEdx, 15)                                    \
    X(Clflush, "clflush", 1, 0, kEdx, 19)                              \
    X(Mmx, "mmx", 1, 0, kEdx, 23)                                      \
    X(Fxsr, "fxsr", 1, 0, kEdx, 24)                                    \
    X(Sse, "sse", 1, 0, kEdx, 25)                                      \
    X(Sse2, "sse2", 1, 0, kEdx, 26)                                    \
    X(Sse3, "pni", 1, 0, kEcx, 0)                                      \
    X(Pclmul, "pclmulqdq", 1, 0, kEcx, 1)                              \
    X(Monitor, "monitor", 1, 0, kEcx, 3)                               \
    X(Ssse3, "ssse3", 1, 0, kEcx, 9)                                   \
    X(Fma, "fma", 1, 0, kEcx, 12)                                      \
    X(Cx16, "cx16", 1, 0, kEcx, 13)                                    \
    X(Sse41, "sse4.1", 1, 0, kEcx, 19)                                 \
    X(Sse42, "sse4.2", 1, 0, kEcx, 20)                                 \
    X(Movbe, "movbe", 1, 0, kEcx, 22)                                  \
    X(Popcnt, "popcnt", 1, 0, kEcx, 23)                                \
    X(Aes, "aes", 1, 0, kEcx, 25)                                      \
    X(Xsave, "xsave", 1, 0, kEcx, 26)                                  \
    X(Avx, "avx", 1, 0, kEcx, 28)                                      \
    X(F16c, "f16c", 1, 0, kEcx, 29)                                    \
    X(Rdrand, "rdrand", 1, 0, kEcx, 30)                                \
    X(Fsgsbase, "fsgsbase", 7, 0, kEbx, 0)                             \
    X(Bmi1, "bmi1", 7, 0, kEbx, 3)                                     \
    X(Avx2, "avx2", 7, 0, kEbx, 5)                                     \
    X(Bmi2, "bmi2", 7, 0, kEbx, 8)                                     \
    X(Invpcid, "invpcid", 7, 0, kEbx, 10)                              \
    X(Avx512F, "avx512f", 7, 0, kEbx, 16)                              \
    X(Avx512Dq, "avx512dq", 7, 0, kEbx, 17)                            \
    X(Rdseed, "rdseed", 7, 0, kEbx, 18)                                \
    X(Adx, "adx", 7, 0, kEbx, 19)                                      \
    X(Smap, "smap", 7, 0, kEbx, 20)                                    \
    X(Avx512Ifma, "avx512ifma", 7, 0, kEbx, 21)                        \
    X(Clflushopt, "clflushopt", 7, 0, kEbx, 23)                        \
    X(Clwb, "clwb", 7, 0, kEbx, 24)                                    \
    X(Avx512Cd, "avx512cd", 7, 0, kEbx, 28)                            \
    X(Sha, "sha-ni", 7, 0, kEbx, 29)                                   \
    X(Avx512Bw, "avx512bw", 7, 0, kEbx, 30)                            \
    X(Avx512Vl, "avx512vl", 7, 0, kEbx, 31)                            \
    X(Avx512Vbmi, "avx512vbmi", 7, 0, kEcx, 1)                         \
    X(Avx512Vbmi2, "avx512vbmi2", 7, 0, kEcx, 6)                       \
    X(Gfni, "gfni", 7, 0, kEcx, 8)                                     \
    X(Vaes, "vaes", 7, 0, kEcx, 9)                                     \
    X(Vpclmul, "vpclmulqdq", 7, 0, kEcx, 10)                           \
    X(Avx512Vnni, "avx512vnni", 7, 0, kEcx, 11)                        \
    X(Avx512Bitalg, "avx512bitalg", 7, 0, kEcx, 12)                    \
    X(Avx512Vpopcntdq, "avx512-vpopcntdq", 7, 0, kEcx, 14)             \
    X(Rdpid, "rdpid", 7, 0, kEcx, 22)                                  \
    X(Movdiri, "movdiri", 7, 0, kEcx, 27)                              \
    X(Avx512Vp2intersect, "avx512-vp2intersect", 7, 0, kEdx, 8)        \
    X(Serialize, "serialize", 7, 0, kEdx, 14)                          \
    X(Avx512Fp16, "avx512-fp16", 7, 0, kEdx, 23)                       \
    X(AvxVnni, "avx-vnni", 7, 1, kEax, 4)                              \
    X(Avx512Bf16, "avx512-bf16", 7, 1, kEax, 5)                        \
    X(Xsaveopt, "xsaveopt", 0xd, 1, kEax, 0)                           \
    X(Xsavec, "xsavec", 0xd, 1, kEax, 1)                               \
    X(Xsaves, "xsaves", 0xd, 1, kEax, 3)                               \
    X(Syscall, "syscall", 0x80000001, 0, kEdx, 11)                     \
    X(Rdtscp, "rdtscp", 0x80000001, 0, kEdx, 27)                       \
    X(LongMode, "lm", 0x80000001, 0, kEdx, 29)                         \
    X(Lahf64, "lahf-lm", 0x80000001, 0, kEcx, 0)                       \
    X(Lzcnt, "abm", 0x80000001, 0, kEcx, 5)                            \
    X(Sse4a, "sse4a", 0x80000001, 0, kEcx, 6)                          \
    X(Prefetchw, "3dnowprefetch", 0x80000001, 0, kEcx, 8)

enum class Feature : u8 {
    kNone,  ///< an instruction set that Twin86 never offers
    kBase,  ///< every processor with 64-bit mode has it and CPUID has no bit for it
#define X(name, ...) k##name,
    TWIN86_FEATURES(X)
#undef X
    kCount,
};

enum class CpuidRegister : u8 { kEax, kEbx, kEcx, kEdx };

/// Where CPUID reports a feature: register `reg` of leaf/subleaf, bit `bit`.
struct FeatureInfo {
    Feature feature;
    const char* name;  ///< QEMU's spelling
    u32 leaf;
    u32 subleaf;
    CpuidRegister reg;
    u8 bit;
};

/// All features that have a CPUID bit, in the order of the enum (kNone and kBase are not among them).
std::span<const FeatureInfo> all_features();

/// The CPUID description of a feature; nullptr for kNone and kBase.
const FeatureInfo* feature_info(Feature feature);

/// "avx2", "base" or "none": for logs.
const char* feature_name(Feature feature);

/// The features that a processor model offers.
class FeatureSet {
  public:
    FeatureSet() { bits_.set(static_cast<size_t>(Feature::kBase)); }
    static FeatureSet all();

    bool has(Feature feature) const { return bits_[static_cast<size_t>(feature)]; }
    void set(Feature feature, bool on = true) {
        if (feature != Feature::kNone && feature != Feature::kBase) bits_.set(static_cast<size_t>(feature), on);
    }
    /// True when every feature that the form needs is there: its own, AVX or AVX512F under it, and AVX512VL.
    bool offers(const Insn& insn) const;

  private:
    std::bitset<static_cast<size_t>(Feature::kCount)> bits_;
};

}  // namespace twin86
