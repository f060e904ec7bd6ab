#include "cpu/decode/isa_features.h"

namespace twin86 {

namespace {

#define AVX512_LENGTHS(set) \
    case ZYDIS_ISA_SET_##set##_128: \
    case ZYDIS_ISA_SET_##set##_256: \
    case ZYDIS_ISA_SET_##set##_512:

/// Sets that hold instructions of several CPUID bits.
Feature feature_of_mixed_set(ZydisMnemonic mnemonic) {
    switch (mnemonic) {
        case ZYDIS_MNEMONIC_RDTSC: return Feature::kTsc;
        case ZYDIS_MNEMONIC_RDMSR:
        case ZYDIS_MNEMONIC_WRMSR: return Feature::kMsr;
        case ZYDIS_MNEMONIC_CMPXCHG8B: return Feature::kCx8;
        case ZYDIS_MNEMONIC_SYSENTER:
        case ZYDIS_MNEMONIC_SYSEXIT: return Feature::kSep;
        case ZYDIS_MNEMONIC_SYSCALL:
        case ZYDIS_MNEMONIC_SYSRET: return Feature::kSyscall;
        case ZYDIS_MNEMONIC_FCOMI:
        case ZYDIS_MNEMONIC_FCOMIP:
        case ZYDIS_MNEMONIC_FUCOMI:
        case ZYDIS_MNEMONIC_FUCOMIP: return Feature::kCmov;
        case ZYDIS_MNEMONIC_MOVDIRI: return Feature::kMovdiri;
        default: return Feature::kBase;
    }
}

Feature feature_of_avx512(ZydisISASet set) {
    switch (set) {
        AVX512_LENGTHS(AVX512F)
        case ZYDIS_ISA_SET_AVX512F_128N:
        case ZYDIS_ISA_SET_AVX512F_KOP:
        case ZYDIS_ISA_SET_AVX512F_SCALAR: return Feature::kAvx512f;
        AVX512_LENGTHS(AVX512BW)
        case ZYDIS_ISA_SET_AVX512BW_128N:
        case ZYDIS_ISA_SET_AVX512BW_KOP: return Feature::kAvx512bw;
        AVX512_LENGTHS(AVX512DQ)
        case ZYDIS_ISA_SET_AVX512DQ_128N:
        case ZYDIS_ISA_SET_AVX512DQ_KOP:
        case ZYDIS_ISA_SET_AVX512DQ_SCALAR: return Feature::kAvx512dq;
        AVX512_LENGTHS(AVX512CD) return Feature::kAvx512cd;
        AVX512_LENGTHS(AVX512_IFMA) return Feature::kAvx512ifma;
        AVX512_LENGTHS(AVX512_VBMI) return Feature::kAvx512vbmi;
        AVX512_LENGTHS(AVX512_VBMI2) return Feature::kAvx512vbmi2;
        AVX512_LENGTHS(AVX512_VNNI) return Feature::kAvx512vnni;
        AVX512_LENGTHS(AVX512_BITALG) return Feature::kAvx512bitalg;
        AVX512_LENGTHS(AVX512_VPOPCNTDQ) return Feature::kAvx512vpopcntdq;
        AVX512_LENGTHS(AVX512_BF16) return Feature::kAvx512bf16;
        AVX512_LENGTHS(AVX512_VP2INTERSECT) return Feature::kAvx512vp2intersect;
        AVX512_LENGTHS(AVX512_FP16)
        case ZYDIS_ISA_SET_AVX512_FP16_128N:
        case ZYDIS_ISA_SET_AVX512_FP16_SCALAR: return Feature::kAvx512fp16;
        AVX512_LENGTHS(AVX512_GFNI) return Feature::kGfni;
        AVX512_LENGTHS(AVX512_VAES) return Feature::kVaes;
        AVX512_LENGTHS(AVX512_VPCLMULQDQ) return Feature::kVpclmulqdq;
        default: return Feature::kNone;
    }
}

}  // namespace

Feature feature_of(const ZydisDecodedInstruction& instruction) {
    switch (instruction.meta.isa_set) {
        case ZYDIS_ISA_SET_I86:
        case ZYDIS_ISA_SET_I186:
        case ZYDIS_ISA_SET_I286REAL:
        case ZYDIS_ISA_SET_I286PROTECTED:
        case ZYDIS_ISA_SET_I386:
        case ZYDIS_ISA_SET_I486:
        case ZYDIS_ISA_SET_I486REAL:
        case ZYDIS_ISA_SET_FAT_NOP:
        case ZYDIS_ISA_SET_PREFETCH_NOP:
        case ZYDIS_ISA_SET_PREFETCHWT1:
        case ZYDIS_ISA_SET_PAUSE:
        case ZYDIS_ISA_SET_RDPMC: return Feature::kBase;
        case ZYDIS_ISA_SET_PENTIUMREAL:
        case ZYDIS_ISA_SET_PPRO:
        case ZYDIS_ISA_SET_AMD:
        case ZYDIS_ISA_SET_LONGMODE:
        case ZYDIS_ISA_SET_MOVDIR: return feature_of_mixed_set(instruction.mnemonic);
        case ZYDIS_ISA_SET_LAHF:
            return instruction.machine_mode == ZYDIS_MACHINE_MODE_LONG_64 ? Feature::kLahfLm : Feature::kBase;
        case ZYDIS_ISA_SET_CMOV:
        case ZYDIS_ISA_SET_FCMOV: return Feature::kCmov;
        case ZYDIS_ISA_SET_X87: return Feature::kFpu;
        case ZYDIS_ISA_SET_PENTIUMMMX: return Feature::kMmx;
        case ZYDIS_ISA_SET_SSE:
        case ZYDIS_ISA_SET_SSEMXCSR:
        case ZYDIS_ISA_SET_SSE_PREFETCH: return Feature::kSse;
        case ZYDIS_ISA_SET_SSE2:
        case ZYDIS_ISA_SET_SSE2MMX: return Feature::kSse2;
        case ZYDIS_ISA_SET_SSE3:
        case ZYDIS_ISA_SET_SSE3X87: return Feature::kSse3;
        case ZYDIS_ISA_SET_SSSE3:
        case ZYDIS_ISA_SET_SSSE3MMX: return Feature::kSsse3;
        case ZYDIS_ISA_SET_SSE4: return Feature::kSse41;
        case ZYDIS_ISA_SET_SSE42: return Feature::kSse42;
        case ZYDIS_ISA_SET_SSE4A: return Feature::kSse4a;
        case ZYDIS_ISA_SET_POPCNT: return Feature::kPopcnt;
        case ZYDIS_ISA_SET_LZCNT: return Feature::kAbm;
        case ZYDIS_ISA_SET_BMI1: return Feature::kBmi1;
        case ZYDIS_ISA_SET_BMI2: return Feature::kBmi2;
        case ZYDIS_ISA_SET_ADOX_ADCX: return Feature::kAdx;
        case ZYDIS_ISA_SET_MOVBE: return Feature::kMovbe;
        case ZYDIS_ISA_SET_AES: return Feature::kAes;
        case ZYDIS_ISA_SET_PCLMULQDQ: return Feature::kPclmulqdq;
        case ZYDIS_ISA_SET_SHA: return Feature::kSha;
        case ZYDIS_ISA_SET_GFNI:
        case ZYDIS_ISA_SET_AVX_GFNI: return Feature::kGfni;
        case ZYDIS_ISA_SET_AVX: return Feature::kAvx;
        case ZYDIS_ISA_SET_AVXAES: return Feature::kAes;
        case ZYDIS_ISA_SET_AVX2:
        case ZYDIS_ISA_SET_AVX2GATHER: return Feature::kAvx2;
        case ZYDIS_ISA_SET_AVX_VNNI: return Feature::kAvxVnni;
        case ZYDIS_ISA_SET_F16C: return Feature::kF16c;
        case ZYDIS_ISA_SET_FMA: return Feature::kFma;
        case ZYDIS_ISA_SET_VAES: return Feature::kVaes;
        case ZYDIS_ISA_SET_VPCLMULQDQ: return Feature::kVpclmulqdq;
        case ZYDIS_ISA_SET_RDRAND: return Feature::kRdrand;
        case ZYDIS_ISA_SET_RDSEED: return Feature::kRdseed;
        case ZYDIS_ISA_SET_RDWRFSGS: return Feature::kFsgsbase;
        case ZYDIS_ISA_SET_RDTSCP: return Feature::kRdtscp;
        case ZYDIS_ISA_SET_RDPID: return Feature::kRdpid;
        case ZYDIS_ISA_SET_INVPCID: return Feature::kInvpcid;
        case ZYDIS_ISA_SET_FXSAVE:
        case ZYDIS_ISA_SET_FXSAVE64: return Feature::kFxsr;
        case ZYDIS_ISA_SET_XSAVE: return Feature::kXsave;
        case ZYDIS_ISA_SET_XSAVEOPT: return Feature::kXsaveopt;
        case ZYDIS_ISA_SET_XSAVEC: return Feature::kXsavec;
        case ZYDIS_ISA_SET_XSAVES: return Feature::kXsaves;
        case ZYDIS_ISA_SET_CLFSH: return Feature::kClflush;
        case ZYDIS_ISA_SET_CLFLUSHOPT: return Feature::kClflushopt;
        case ZYDIS_ISA_SET_CLWB: return Feature::kClwb;
        case ZYDIS_ISA_SET_CLZERO: return Feature::kClzero;
        case ZYDIS_ISA_SET_MONITOR: return Feature::kMonitor;
        case ZYDIS_ISA_SET_CMPXCHG16B: return Feature::kCx16;
        case ZYDIS_ISA_SET_SMAP: return Feature::kSmap;
        case ZYDIS_ISA_SET_SERIALIZE: return Feature::kSerialize;
        default: return feature_of_avx512(instruction.meta.isa_set);
    }
}

bool needs_avx512vl(ZydisISASet set) {
    switch (set) {
#define NARROW(set)                 \
    case ZYDIS_ISA_SET_##set##_128: \
    case ZYDIS_ISA_SET_##set##_256:
        NARROW(AVX512F)
        NARROW(AVX512BW)
        NARROW(AVX512DQ)
        NARROW(AVX512CD)
        NARROW(AVX512_IFMA)
        NARROW(AVX512_VBMI)
        NARROW(AVX512_VBMI2)
        NARROW(AVX512_VNNI)
        NARROW(AVX512_BITALG)
        NARROW(AVX512_VPOPCNTDQ)
        NARROW(AVX512_BF16)
        NARROW(AVX512_VP2INTERSECT)
        NARROW(AVX512_FP16)
        NARROW(AVX512_GFNI)
        NARROW(AVX512_VAES)
        NARROW(AVX512_VPCLMULQDQ)
#undef NARROW
        return true;
        default: return false;
    }
}

}  // namespace twin86
