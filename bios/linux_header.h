// The setup header of a bzImage and struct boot_params: Linux, Documentation/arch/x86/boot.rst and zero-page.rst.
#pragma once

#include <string>

#include "base/result.h"
#include "bios/byte_view.h"

namespace twin86 {

// Offsets in the file and, unchanged, in boot_params.
constexpr u64 kSetupSects = 0x1f1;
constexpr u64 kSyssize = 0x1f4;
constexpr u64 kVidMode = 0x1fa;
constexpr u64 kBootFlag = 0x1fe;
constexpr u64 kHeaderJumpDistance = 0x201;
constexpr u64 kHeaderMagic = 0x202;
constexpr u64 kProtocolVersion = 0x206;
constexpr u64 kTypeOfLoader = 0x210;
constexpr u64 kLoadflags = 0x211;
constexpr u64 kCode32Start = 0x214;
constexpr u64 kRamdiskImage = 0x218;
constexpr u64 kRamdiskSize = 0x21c;
constexpr u64 kCmdLinePtr = 0x228;
constexpr u64 kInitrdAddrMax = 0x22c;
constexpr u64 kKernelAlignment = 0x230;
constexpr u64 kRelocatableKernel = 0x234;
constexpr u64 kXloadflags = 0x236;
constexpr u64 kCmdlineSize = 0x238;
constexpr u64 kPayloadOffset = 0x248;
constexpr u64 kPayloadLength = 0x24c;
constexpr u64 kSetupData = 0x250;
constexpr u64 kPrefAddress = 0x258;
constexpr u64 kInitSize = 0x260;

// boot_params only.
constexpr u64 kBootParamsSize = 4096;
constexpr u64 kScreenInfo = 0x000;
constexpr u64 kAcpiRsdpAddr = 0x070;
constexpr u64 kExtRamdiskImage = 0x0c0;
constexpr u64 kExtRamdiskSize = 0x0c4;
constexpr u64 kE820Entries = 0x1e8;
constexpr u64 kHeaderEndMax = 0x290;
constexpr u64 kE820Table = 0x2d0;
constexpr u64 kE820Max = 128;
constexpr u64 kE820EntrySize = 20;

constexpr u8 kLoadedHigh = 1 << 0;    ///< loadflags: the protected-mode part goes to 1 MiB or above
constexpr u16 kXlfKernel64 = 1 << 0;  ///< xloadflags: 64-bit entry at 0x200
constexpr u16 kXlfAbove4G = 1 << 1;   ///< xloadflags: kernel, initrd and parameters may lie above 4 GiB
constexpr u8 kUnknownLoader = 0xff;

/// A checked setup header.
struct LinuxHeader {
    u16 protocol = 0;
    u64 setup_size = 0;   ///< bytes of real-mode code before the protected-mode part
    u64 system_size = 0;  ///< bytes of the protected-mode part
    u64 header_end = 0;   ///< end of the header in the file
    u16 xloadflags = 0;
    u64 cmdline_size = 0;  ///< without the final zero
    u64 initrd_end = 0;    ///< first address that an initrd may not reach
    u64 alignment = 0;
    bool relocatable = false;
    Gpa pref_address = 0;
    u64 init_size = 0;  ///< RAM that the kernel needs from its load address on before it reads the memory map

    bool has_64bit_entry() const { return protocol >= 0x20c && (xloadflags & kXlfKernel64) != 0; }
    bool initrd_above_4g() const { return protocol >= 0x20c && (xloadflags & kXlfAbove4G) != 0; }
};

bool is_linux_image(ByteView file);

/// Refuses what is truncated, corrupt or too old, in one line that names the file.
Result<LinuxHeader> parse_linux_header(const std::string& name, ByteView file);

}  // namespace twin86
