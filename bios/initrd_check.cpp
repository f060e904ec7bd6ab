// Formats: cpio newc as in Linux, Documentation/driver-api/early-userspace/buffer-format.rst; zstd as in RFC
// 8878, 3.1.1.
#include "bios/initrd_check.h"

#include <algorithm>
#include <array>

#include "base/bits.h"

namespace twin86 {
namespace {

using namespace std::string_view_literals;

enum class Extent { kComplete, kTruncated };

u64 hex_field(ByteView file, u64 offset) {
    u64 value = 0;
    for (u64 i = 0; i < 8; ++i) {
        const u8 c = file.u8_at(offset + i);
        const u8 digit = c >= '0' && c <= '9'                     ? c - '0'
                         : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                                  : 0;
        value = value << 4 | digit;
    }
    return value;
}

bool is_cpio(ByteView file, u64 offset) {
    return file.starts_with(offset, "070701") || file.starts_with(offset, "070702");
}

/// Walks archive after archive; what follows the last trailer and its padding is returned in `offset`.
Extent walk_cpio(ByteView file, u64& offset) {
    constexpr u64 kHeader = 110;
    constexpr u64 kFileSizeField = 54, kNameSizeField = 94;
    while (is_cpio(file, offset)) {
        const u64 name_size = hex_field(file, offset + kNameSizeField);
        const u64 data = align_up(offset + kHeader + name_size, 4);
        const bool last = file.starts_with(offset + kHeader, "TRAILER!!!");
        const u64 next = align_up(data + hex_field(file, offset + kFileSizeField), 4);
        // The padding of the last entry may be missing.
        if (next > align_up(file.size(), 4)) return Extent::kTruncated;
        offset = next;
        if (!last) continue;
        while (offset < file.size() && file.u8_at(offset) == 0) ++offset;
        if (!is_cpio(file, offset)) return Extent::kComplete;
    }
    return Extent::kTruncated;  // an archive ends with its trailer
}

/// Follows the blocks of one zstd frame to its end.
Extent walk_zstd(ByteView file, u64 offset) {
    const u8 descriptor = file.u8_at(offset + 4);
    const bool single_segment = (descriptor & 0x20) != 0;
    constexpr std::array<u64, 4> kDictionaryBytes = {0, 1, 2, 4};
    constexpr std::array<u64, 4> kContentBytes = {0, 2, 4, 8};
    const u64 content_bytes = descriptor >> 6 == 0 ? (single_segment ? 1 : 0) : kContentBytes[descriptor >> 6];
    offset += 5 + (single_segment ? 0 : 1) + kDictionaryBytes[descriptor & 3] + content_bytes;
    for (bool last = false; !last;) {
        if (!file.contains(offset, 3)) return Extent::kTruncated;
        const u32 header = file.u16_at(offset) | file.u8_at(offset + 2) << 16;
        last = (header & 1) != 0;
        const bool run_length = (header >> 1 & 3) == 1;
        offset += 3 + (run_length ? 1 : header >> 3);
    }
    const u64 checksum = (descriptor & 4) != 0 ? 4 : 0;
    return offset + checksum <= file.size() ? Extent::kComplete : Extent::kTruncated;
}

/// xz: the stream's footer ends with "YZ"; zero padding to a multiple of four may follow.
Extent check_xz(ByteView file) {
    u64 end = file.size();
    while (end > 0 && file.u8_at(end - 1) == 0) --end;
    return end >= 2 && file.starts_with(end - 2, "YZ") ? Extent::kComplete : Extent::kTruncated;
}

bool is_other_stream(ByteView file, u64 offset) {
    constexpr std::array kMagic = {"\x1f\x8b"sv,     "\x1f\x9e"sv, "BZh"sv,
                                   "\x5d\x00\x00"sv, "\x89LZO"sv,  "\x02\x21\x4c\x18"sv};
    return std::any_of(kMagic.begin(), kMagic.end(), [&](auto m) { return file.starts_with(offset, m); });
}

/// ext2..4, minix, romfs, cramfs, squashfs: what the kernel's ram-disk loader knows.
bool is_file_system(ByteView file) {
    if (file.starts_with(0, "-rom1fs-") || file.starts_with(0, "hsqs")) return true;
    if (file.u32_at(0) == 0x28cd3d45 || file.u32_at(512) == 0x28cd3d45) return true;
    if (file.u16_at(0x438) == 0xef53) return true;
    const u16 minix = file.u16_at(0x410);
    return minix == 0x137f || minix == 0x138f;
}

}  // namespace

Status check_initrd(const std::string& name, ByteView file) {
    const auto truncated = [&] {
        return error("initrd '{}' is truncated: {} bytes; get a fresh copy", name, file.size());
    };
    u64 offset = 0;
    if (is_cpio(file, 0) && walk_cpio(file, offset) == Extent::kTruncated) return truncated();
    if (file.starts_with(offset, "\x28\xb5\x2f\xfd"))
        return walk_zstd(file, offset) == Extent::kTruncated ? Status(truncated()) : Status();
    if (file.starts_with(offset, "\xfd\x37zXZ"sv))
        return check_xz(file) == Extent::kTruncated ? Status(truncated()) : Status();
    if (offset != 0 || is_other_stream(file, 0) || is_file_system(file)) return {};
    return error("initrd '{}' is corrupt or no initrd: neither a cpio archive nor a compressed one nor a file system",
                 name);
}

}  // namespace twin86
