// XGETBV and XSETBV, SDM vol. 1, 13.3; vol. 2.
#include "cpu/semantics/handlers.h"
#include "cpu/semantics/privilege.h"
#include "cpu/semantics/xsave_image.h"

namespace twin86 {
namespace {

bool valid_xcr0(const Cpu& cpu, u64 value) {
    if (!(value & kXfeatureX87) || value & ~cpu.traits.xsave.xcr0_supported) return false;
    if ((value & kXfeatureAvx) && !(value & kXfeatureSse)) return false;
    const u64 avx512 = value & kXfeatureAvx512;
    return avx512 == 0 || (avx512 == kXfeatureAvx512 && (value & kXfeatureAvx));
}

}  // namespace

Outcome do_xgetbv(Cpu& cpu, const Insn&) {
    CpuState& s = cpu.s;
    if (!(s.cr4 & kCr4OSXSAVE)) return Outcome::fault(kVectorUD);
    const u32 index = static_cast<u32>(s.gpr[kRcx]);
    if (index > 1 || (index == 1 && !cpu.traits.xgetbv1)) return Outcome::fault(kVectorGP, 0);
    u64 value = s.xcr0;
    if (index == 1) {
        const XsaveImage image(cpu);
        value &= image.in_use() | (image.mxcsr() != kInitialMxcsr ? u64{kXfeatureSse} : 0);
    }
    s.gpr[kRax] = static_cast<u32>(value);
    s.gpr[kRdx] = value >> 32;
    return Outcome::success();
}

Outcome do_xsetbv(Cpu& cpu, const Insn&) {
    CpuState& s = cpu.s;
    if (!(s.cr4 & kCr4OSXSAVE)) return Outcome::fault(kVectorUD);
    TRY_GUEST(require_cpl0(s));
    const u64 value = static_cast<u32>(s.gpr[kRax]) | s.gpr[kRdx] << 32;
    if (static_cast<u32>(s.gpr[kRcx]) != 0 || !valid_xcr0(cpu, value)) return Outcome::fault(kVectorGP, 0);
    s.xcr0 = value;
    return Outcome::success();
}

}  // namespace twin86
