// The host code that finds the delta of an address by a guess about its region, and the code that takes its place.
#pragma once

#include "accel/jit/block.h"

namespace twin86::jit {

/// A sequence of fixed length: host r10 = delta of the window that the site's register points into. Changes flags.
struct RegionCode {
    static constexpr u8 kBranchAt = 14;  ///< rel32 of the branch that a wrong guess takes
    static constexpr u8 kLength = 26;
    u8 bytes[kLength];

    /// Compares bits 54:39 with the guess; the delta comes from a fixed place. The rel32 is left as 0.
    static RegionCode compare(const RegionSite& site);
    /// Bits 47:39 select the delta.
    static RegionCode select(const RegionSite& site);
};

}  // namespace twin86::jit
