// HostCpuid: what this host's processor offers, as far as a guest could get it.
#pragma once

#include <string>

#include "cpu/state/features.h"

namespace twin86 {

/// One component of the XSAVE area in the standard format (CPUID leaf 0xd, subleaf >= 2).
struct XsaveRegion {
    u32 size = 0;
    u32 offset = 0;
    bool aligned = false;  ///< starts on 64 bytes in the compacted format
};

struct HostCpuid {
    FeatureSet features;  ///< without those whose state the host kernel has not enabled in XCR0
    std::string vendor;   ///< "AuthenticAMD", "GenuineIntel" ...
    u32 family = 0, model = 0, stepping = 0;
    std::string brand;
    u8 physical_bits = 40;
    u64 xcr0 = 0;
    XsaveRegion xsave[8];

    bool is_amd() const { return vendor == "AuthenticAMD" || vendor == "HygonGenuine"; }

    /// Asks the processor this runs on.
    static HostCpuid probe();
};

}  // namespace twin86
