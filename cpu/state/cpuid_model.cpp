#include "cpu/state/cpuid_model.h"

#include <algorithm>

#include "base/bits.h"

namespace twin86 {

u64 CpuModel::cr4_allowed() const {
    u64 mask = kCr4TSD | kCr4PCE;
    const auto add = [&](Feature f, u64 bits) { mask |= has(f) ? bits : 0; };
    add(Feature::kVme, kCr4VME | kCr4PVI);
    add(Feature::kDe, kCr4DE);
    add(Feature::kPse, kCr4PSE);
    add(Feature::kPae, kCr4PAE);
    add(Feature::kMce, kCr4MCE);
    add(Feature::kPge, kCr4PGE);
    add(Feature::kFxsr, kCr4OSFXSR);
    add(Feature::kSse, kCr4OSXMMEXCPT);
    add(Feature::kUmip, kCr4UMIP);
    add(Feature::kLa57, kCr4LA57);
    add(Feature::kFsgsbase, kCr4FSGSBASE);
    add(Feature::kPcid, kCr4PCIDE);
    add(Feature::kXsave, kCr4OSXSAVE);
    add(Feature::kSmep, kCr4SMEP);
    add(Feature::kSmap, kCr4SMAP);
    add(Feature::kPku, kCr4PKE);
    return mask;
}

u64 CpuModel::efer_allowed() const {
    u64 mask = 0;
    const auto add = [&](Feature f, u64 bits) { mask |= has(f) ? bits : 0; };
    add(Feature::kSyscall, kEferSCE);
    add(Feature::kLm, kEferLME | kEferLMA);
    add(Feature::kNx, kEferNXE);
    add(Feature::kFxsrOpt, kEferFFXSR);
    add(Feature::kTce, kEferTCE);
    add(Feature::kAutoIbrs, kEferAIBRSE);
    return mask;
}

u64 CpuModel::xcr0_allowed() const {
    if (!has(Feature::kXsave)) return 0;
    u64 mask = 3;
    if (has(Feature::kAvx)) mask |= 4;
    if (has(Feature::kAvx512f)) mask |= 0xe0;
    return mask;
}

u32 CpuModel::xsave_size(u64 components) const {
    u32 size = 576;  // legacy region and header
    for (unsigned i = 2; i < std::size(xsave_); ++i)
        if ((components & bit(i)) != 0) size = std::max(size, xsave_[i].offset + xsave_[i].size);
    return size;
}

u32 CpuModel::xsave_compacted_size(u64 components) const {
    u32 size = 576;
    for (unsigned i = 2; i < std::size(xsave_); ++i) {
        if ((components & bit(i)) == 0) continue;
        if (xsave_[i].aligned) size = static_cast<u32>(align_up(size, 64));
        size += xsave_[i].size;
    }
    return size;
}

}  // namespace twin86
