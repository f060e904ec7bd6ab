#include "bios/multiboot_header.h"

#include <algorithm>

namespace twin86 {

std::optional<MultibootHeader> find_multiboot_header(ByteView file) {
    constexpr u32 kMagic = 0x1badb002;
    constexpr u64 kSearch = 8192;
    const u64 end = std::min<u64>(file.size(), kSearch);
    for (u64 at = 0; at + 12 <= end; at += 4) {
        if (file.u32_at(at) != kMagic) continue;
        MultibootHeader h{.offset = at, .flags = file.u32_at(at + 4)};
        const u32 checksum = file.u32_at(at + 8);
        if (kMagic + h.flags + checksum != 0) continue;
        if ((h.flags & kMultibootAddresses) == 0) return h;
        if (at + 32 > end) continue;
        h.header_addr = file.u32_at(at + 12);
        h.load_addr = file.u32_at(at + 16);
        h.load_end_addr = file.u32_at(at + 20);
        h.bss_end_addr = file.u32_at(at + 24);
        h.entry_addr = file.u32_at(at + 28);
        return h;
    }
    return std::nullopt;
}

}  // namespace twin86
