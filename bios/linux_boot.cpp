// Linux, Documentation/arch/x86/boot.rst: "64-bit Boot Protocol" and "32-bit Boot Protocol".
#include "bios/linux_boot.h"

#include <algorithm>
#include <optional>

#include "base/bits.h"
#include "bios/boot_file.h"
#include "bios/entry_state.h"
#include "bios/initrd_check.h"
#include "bios/linux_cmdline.h"
#include "bios/linux_header.h"

namespace twin86 {
namespace {

/// Where things went.
struct Placement {
    Gpa kernel = 0;
    Gpa initrd = 0;
    u64 initrd_size = 0;
    Gpa cmdline = 0;
};

u64 mib_up(u64 bytes) {
    return (bytes + MiB - 1) / MiB;
}

/// A relocatable kernel that lies below its preferred address moves itself there (Linux boot protocol, pref_address): room
/// below is none.
Result<Gpa> place_kernel(const BootRequest& request, const LinuxHeader& h, BootAllocator& allocator) {
    const bool below_4g = h.pref_address + h.init_size <= kHighMemory;
    if (below_4g && allocator.claim(h.pref_address, h.init_size)) return h.pref_address;
    if (h.relocatable)
        if (const auto at = allocator.lowest(h.init_size, h.alignment, h.pref_address, kHighMemory)) return *at;
    return error(
        "kernel '{}' needs {} MiB of RAM in one piece at {} MiB, the largest piece there is has {} MiB; use a larger "
        "-m",
        request.kernel, mib_up(h.init_size), h.pref_address / MiB, allocator.largest(h.pref_address, kHighMemory) / MiB);
}

/// As high as the kernel allows; above 4 GiB only when there is no room below.
std::optional<Gpa> find_initrd_place(const LinuxHeader& h, u64 size, u64 mem_limit, BootAllocator& allocator) {
    const Gpa end = std::min({h.initrd_end, mem_limit, kHighMemory});
    if (const auto at = allocator.highest(size, kPageSize, kExtendedMemory, end)) return at;
    if (!h.initrd_above_4g()) return std::nullopt;
    return allocator.lowest(size, kPageSize, kHighMemory, mem_limit);
}

Status place_initrd(const BootRequest& request, const LinuxHeader& h, BootAllocator& allocator, BootMemory& memory,
                    Placement& place) {
    if (request.initrd.empty()) return {};
    auto bytes = read_boot_file(request.initrd, "initrd", memory.low_size() + memory.high_size());
    if (!bytes) return bytes.failure();
    if (Status s = check_initrd(request.initrd, ByteView{*bytes}); !s) return s;
    const auto at = find_initrd_place(h, bytes->size(), linux_mem_limit(request.cmdline), allocator);
    if (!at)
        return error("initrd '{}' ({} MiB) does not fit into RAM beside the kernel; use a larger -m", request.initrd,
                     mib_up(bytes->size()));
    place.initrd = *at;
    place.initrd_size = bytes->size();
    return store(memory, *at, *bytes);
}

Status place_cmdline(const BootRequest& request, const LinuxHeader& h, BootAllocator& allocator, BootMemory& memory,
                     Placement& place) {
    if (request.cmdline.size() > h.cmdline_size)
        return error("-append has {} bytes, kernel '{}' takes at most {}", request.cmdline.size(), request.kernel,
                     h.cmdline_size);
    std::vector<u8> text(request.cmdline.begin(), request.cmdline.end());
    text.push_back(0);
    auto at = place_low(allocator, memory, text);
    if (!at) return at.failure();
    place.cmdline = *at;
    return {};
}

void fill_e820(std::vector<u8>& params, const MemoryMap& map) {
    const u64 count = std::min<u64>(map.size(), kE820Max);
    put<u8>(params, kE820Entries, static_cast<u8>(count));
    for (u64 i = 0; i < count; ++i) {
        const u64 at = kE820Table + i * kE820EntrySize;
        put<u64>(params, at, map[i].base);
        put<u64>(params, at + 8, map[i].size);
        put<u32>(params, at + 16, static_cast<u32>(map[i].type));
    }
}

/// struct screen_info: zero columns and lines mean 'no text screen'.
void fill_text_screen(std::vector<u8>& params) {
    put<u8>(params, kScreenInfo + 0x06, 3);    // orig_video_mode: 80x25 colour text
    put<u8>(params, kScreenInfo + 0x07, 80);   // orig_video_cols
    put<u8>(params, kScreenInfo + 0x0e, 25);   // orig_video_lines
    put<u8>(params, kScreenInfo + 0x0f, 1);    // orig_video_isVGA
    put<u16>(params, kScreenInfo + 0x10, 16);  // orig_video_points
}

/// struct screen_info with VIDEO_TYPE_VLFB: a frame buffer that VBE made.
void fill_linear_screen(std::vector<u8>& params, const BootScreen& s) {
    struct Field {
        u8 size, position;
    };
    struct Format {
        Field red, green, blue, reserved;
    };
    static constexpr Format k32{{8, 16}, {8, 8}, {8, 0}, {8, 24}}, k24{{8, 16}, {8, 8}, {8, 0}, {0, 0}};
    static constexpr Format k16{{5, 11}, {6, 5}, {5, 0}, {0, 0}}, k15{{5, 10}, {5, 5}, {5, 0}, {1, 15}};
    const Format& format = s.depth == 32 ? k32 : s.depth == 24 ? k24 : s.depth == 16 ? k16 : k15;
    put<u8>(params, kScreenInfo + 0x0f, 0x23);  // orig_video_isVGA: VIDEO_TYPE_VLFB
    put<u16>(params, kScreenInfo + 0x12, static_cast<u16>(s.width));
    put<u16>(params, kScreenInfo + 0x14, static_cast<u16>(s.height));
    put<u16>(params, kScreenInfo + 0x16, static_cast<u16>(s.depth));
    put<u32>(params, kScreenInfo + 0x18, static_cast<u32>(s.base));
    put<u32>(params, kScreenInfo + 0x1c, static_cast<u32>(s.memory_bytes / (64 * KiB)));  // lfb_size
    put<u16>(params, kScreenInfo + 0x24, static_cast<u16>(s.line_bytes));
    u64 at = kScreenInfo + 0x26;
    for (const Field& f : {format.red, format.green, format.blue, format.reserved}) {
        put<u8>(params, at++, f.size);
        put<u8>(params, at++, f.position);
    }
    put<u16>(params, kScreenInfo + 0x32, 1);  // pages
}

void fill_screen(std::vector<u8>& params, const BootScreen& s) {
    if (s.kind == BootScreen::Kind::kText) fill_text_screen(params);
    if (s.kind == BootScreen::Kind::kLinear) fill_linear_screen(params, s);
}

std::vector<u8> make_boot_params(const BootRequest& request, const LinuxHeader& h, ByteView file,
                                 const Placement& place) {
    std::vector<u8> params(kBootParamsSize);
    const auto header = file.slice(kSetupSects, h.header_end - kSetupSects);
    if (header) std::copy(header->bytes().begin(), header->bytes().end(), params.begin() + kSetupSects);
    put<u8>(params, kTypeOfLoader, kUnknownLoader);
    put<u8>(params, kLoadflags, kLoadedHigh);
    put<u16>(params, kVidMode, 0xffff);  // "normal"
    put<u32>(params, kCode32Start, static_cast<u32>(place.kernel));
    put<u32>(params, kRamdiskImage, static_cast<u32>(place.initrd));
    put<u32>(params, kRamdiskSize, static_cast<u32>(place.initrd_size));
    put<u32>(params, kExtRamdiskImage, static_cast<u32>(place.initrd >> 32));
    put<u32>(params, kExtRamdiskSize, static_cast<u32>(place.initrd_size >> 32));
    put<u32>(params, kCmdLinePtr, static_cast<u32>(place.cmdline));
    put<u64>(params, kSetupData, 0);
    put<u64>(params, kAcpiRsdpAddr, request.rsdp);
    fill_screen(params, request.screen);
    fill_e820(params, request.memory_map);
    return params;
}

/// rsi (esi) points to boot_params; interrupts are off; the other registers of the 32-bit protocol are zero.
Result<BootPlan> enter(const LinuxHeader& h, const Placement& place, Gpa params, BootAllocator& allocator,
                       BootMemory& memory) {
    const EntryKind kind = h.has_64bit_entry() ? EntryKind::kLong64 : EntryKind::kProtected32;
    auto plan = make_entry_state(kind, allocator, memory);
    if (!plan) return plan;
    constexpr u64 kEntry64Offset = 0x200;
    plan->rip = place.kernel + (kind == EntryKind::kLong64 ? kEntry64Offset : 0);
    plan->gpr[kRsi] = params;
    plan->gpr[kRsp] = kEbdaBase;  // nothing is pushed before the kernel sets its own stack
    plan->description = fmt::format(
        "Linux bzImage, boot protocol {}.{:02}, {}-bit entry at {:#x}, initrd {} bytes at {:#x}", h.protocol >> 8,
        h.protocol & 0xff, kind == EntryKind::kLong64 ? 64 : 32, plan->rip, place.initrd_size, place.initrd);
    return plan;
}

}  // namespace

Result<BootPlan> load_linux(const BootRequest& request, ByteView file, BootMemory& memory) {
    auto header = parse_linux_header(request.kernel, file);
    if (!header) return header.failure();
    const LinuxHeader& h = *header;
    BootAllocator allocator(request.memory_map);
    Placement place;

    auto kernel = place_kernel(request, h, allocator);
    if (!kernel) return kernel.failure();
    place.kernel = *kernel;
    const auto system = file.slice(h.setup_size, h.system_size);
    CHECK(system.has_value(), "parse_linux_header() bounds the system part");
    if (Status s = store(memory, place.kernel, system->bytes()); !s) return s.failure();
    if (Status s = place_initrd(request, h, allocator, memory, place); !s) return s.failure();
    if (Status s = place_cmdline(request, h, allocator, memory, place); !s) return s.failure();
    auto params = place_low(allocator, memory, make_boot_params(request, h, file, place), kPageSize);
    if (!params) return params.failure();
    return enter(h, place, *params, allocator, memory);
}

}  // namespace twin86
