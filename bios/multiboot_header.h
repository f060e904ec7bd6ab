// The Multiboot 1 header of a kernel. Multiboot Specification 0.6.96, section 3.1.
#pragma once

#include <optional>

#include "bios/byte_view.h"

namespace twin86 {

struct MultibootHeader {
    u64 offset = 0;  ///< in the file
    u32 flags = 0;
    // The address fields, valid with kMultibootAddresses.
    u32 header_addr = 0, load_addr = 0, load_end_addr = 0, bss_end_addr = 0, entry_addr = 0;
};

constexpr u32 kMultibootPageAlign = 1 << 0;
constexpr u32 kMultibootMemoryInfo = 1 << 1;
constexpr u32 kMultibootVideoMode = 1 << 2;
constexpr u32 kMultibootAddresses = 1 << 16;
/// Bits 0-15 are requirements: a loader that does not know one must refuse.
constexpr u32 kMultibootUnknownRequirements =
    0xffff & ~(kMultibootPageAlign | kMultibootMemoryInfo | kMultibootVideoMode);

/// Searches the first 8 KiB.
std::optional<MultibootHeader> find_multiboot_header(ByteView file);

}  // namespace twin86
