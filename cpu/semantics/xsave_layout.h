// Where the XSAVE components lie: CPUID leaf 0Dh. CpuState::xsave and the guest's standard format share these offsets.
#pragma once

#include "base/types.h"

namespace twin86 {

/// Bits of XCR0 and IA32_XSS, SDM vol. 1, 13.1.
enum XsaveBit : u64 {
    kXfeatureX87 = 1 << 0,
    kXfeatureSse = 1 << 1,
    kXfeatureAvx = 1 << 2,
    kXfeatureOpmask = 1 << 5,
    kXfeatureZmmHi256 = 1 << 6,
    kXfeatureHi16Zmm = 1 << 7,
    kXfeatureAvx512 = kXfeatureOpmask | kXfeatureZmmHi256 | kXfeatureHi16Zmm,
};

constexpr unsigned kXsaveLegacySize = 512;
constexpr unsigned kXsaveHeaderSize = 64;
constexpr unsigned kXsaveExtendedStart = kXsaveLegacySize + kXsaveHeaderSize;
constexpr unsigned kXsaveComponents = 8;  ///< numbers 0..7, all that kXcr0Supported names

// Fields of the legacy region and the header (SDM vol. 1, tables 13-1 and 13.4.2).
constexpr unsigned kXsaveFcw = 0, kXsaveFsw = 2, kXsaveFtw = 4, kXsaveFop = 6, kXsaveFip = 8, kXsaveFdp = 16;
constexpr unsigned kXsaveMxcsr = 24, kXsaveMxcsrMask = 28, kXsaveSt0 = 32, kXsaveXmm0 = 160, kXsaveAvailable = 464;
constexpr unsigned kXsaveXstateBv = 512, kXsaveXcompBv = 520;

struct XsaveLayout {
    struct Component {
        u16 offset = 0;  ///< in the standard format; 0: not offered
        u16 size = 0;
        bool aligned64 = false;  ///< in the compacted format
    };
    Component component[kXsaveComponents];
    u64 xcr0_supported = 3;
    u64 xss_supported = 0;
};

}  // namespace twin86
