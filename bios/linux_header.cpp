#include "bios/linux_header.h"

#include <algorithm>
#include <array>
#include <bit>

#include "base/bits.h"
#include "bios/memory_map.h"

namespace twin86 {
namespace {

constexpr u16 kOldestProtocol = 0x206;  // Linux 2.6.22: 32-bit entry documented, cmdline_size present

/// First bytes of the payload formats of boot.rst, section payload_offset.
bool known_payload(ByteView payload) {
    using namespace std::string_view_literals;
    constexpr std::array kMagic = {"\x1f\x8b"sv, "\x1f\x9e"sv, "BZ"sv,       "\x5d\x00"sv,  "\xfd\x37"sv,
                                   "\x89LZO"sv,  "\x02\x21"sv, "\x28\xb5"sv, "\x7f\x45LF"sv};
    return std::any_of(kMagic.begin(), kMagic.end(), [&](std::string_view m) { return payload.starts_with(0, m); });
}

/// The payload ends with its uncompressed size; before it an xz stream ends with "YZ".
bool payload_complete(ByteView payload) {
    if (!payload.starts_with(0, "\xfd\x37zXZ")) return true;
    return payload.size() >= 32 && payload.starts_with(payload.size() - 6, "YZ");
}

Status check_payload(const std::string& name, ByteView file, const LinuxHeader& h) {
    const u64 length = file.u32_at(kPayloadLength);
    if (h.protocol < 0x208 || length == 0) return {};
    const auto system = file.slice(h.setup_size, h.system_size);
    const auto payload = system ? system->slice(file.u32_at(kPayloadOffset), length) : std::nullopt;
    if (!payload || !known_payload(*payload) || !payload_complete(*payload))
        return error("kernel '{}' is corrupt: its compressed payload is damaged; get a fresh copy", name);
    return {};
}

/// What protocol 2.10 says about where the kernel wants to be.
Status read_placement(const std::string& name, ByteView file, LinuxHeader& h) {
    h.alignment = file.u32_at(kKernelAlignment);
    h.relocatable = file.u8_at(kRelocatableKernel) != 0;
    if (h.protocol < 0x20a) {
        // No init_size yet: an image unpacks itself in place to at most about four times its size.
        h.pref_address = kExtendedMemory;
        h.init_size = 4 * h.system_size;
        h.relocatable = false;  // it moves itself
        return {};
    }
    h.pref_address = file.u64_at(kPrefAddress);
    h.init_size = std::max<u64>(file.u32_at(kInitSize), h.system_size);
    const bool aligned = std::has_single_bit(h.alignment) && h.alignment >= 16;
    if (!aligned || h.pref_address < kExtendedMemory || h.pref_address >= kHighMemory)
        return error("kernel '{}' is corrupt: load address {:#x}, alignment {:#x}; get a fresh copy", name,
                     h.pref_address, h.alignment);
    return {};
}

}  // namespace

bool is_linux_image(ByteView file) {
    return file.u16_at(kBootFlag) == 0xaa55 && file.starts_with(kHeaderMagic, "HdrS");
}

Result<LinuxHeader> parse_linux_header(const std::string& name, ByteView file) {
    LinuxHeader h;
    h.protocol = file.u16_at(kProtocolVersion);
    if (h.protocol < kOldestProtocol)
        return error("kernel '{}' is too old: boot protocol {}.{:02}, Linux 2.6.22 or later is needed", name,
                     h.protocol >> 8, h.protocol & 0xff);
    if ((file.u8_at(kLoadflags) & kLoadedHigh) == 0)
        return error("kernel '{}' is a zImage; build it as a bzImage", name);

    const u64 setup_sectors = file.u8_at(kSetupSects) == 0 ? 4 : file.u8_at(kSetupSects);
    h.setup_size = (setup_sectors + 1) * 512;
    const u64 promised = u64{file.u32_at(kSyssize)} * 16;
    // The size counts paragraphs: the last one may be incomplete.
    if (promised == 0 || file.size() <= h.setup_size || file.size() + 15 < h.setup_size + promised)
        return error("kernel '{}' is truncated: {} bytes, its header promises {}; get a fresh copy", name, file.size(),
                     h.setup_size + promised);
    h.system_size = std::min(promised, file.size() - h.setup_size);
    h.header_end = std::min<u64>(kHeaderMagic + file.u8_at(kHeaderJumpDistance), kHeaderEndMax);
    h.xloadflags = file.u16_at(kXloadflags);
    h.cmdline_size = std::min<u64>(file.u32_at(kCmdlineSize), 64 * KiB - 1);
    h.initrd_end = u64{file.u32_at(kInitrdAddrMax)} + 1;
    if (Status s = read_placement(name, file, h); !s) return s.failure();
    if (Status s = check_payload(name, file, h); !s) return s.failure();
    return h;
}

}  // namespace twin86
