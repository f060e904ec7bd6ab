// Privilege checks that many slow paths start with.
#pragma once

#include "cpu/semantics/cpu.h"

namespace twin86 {

inline bool is_8086_mode(const CpuState& s) {
    return !s.protected_mode() || s.vm86();
}

/// CPL, and 0 in real mode.
inline unsigned privilege(const CpuState& s) {
    return s.protected_mode() ? s.cpl() : 0;
}

inline Outcome require_cpl0(const CpuState& s) {
    return privilege(s) == 0 ? Outcome::success() : Outcome::fault(kVectorGP, 0);
}

/// SGDT, SIDT, SLDT, STR, SMSW under CR4.UMIP.
inline Outcome check_umip(const CpuState& s) {
    return (s.cr4 & kCr4UMIP) && privilege(s) > 0 ? Outcome::fault(kVectorGP, 0) : Outcome::success();
}

/// LLDT, LTR, LAR and so on exist in protected mode only.
inline Outcome require_protected(const CpuState& s) {
    return is_8086_mode(s) ? Outcome::fault(kVectorUD) : Outcome::success();
}

}  // namespace twin86
