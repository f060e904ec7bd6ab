// Xen, docs/misc/pvh.pandoc ("x86/HVM direct boot ABI") and public/arch-x86/hvm/start_info.h.
#include "bios/pvh_boot.h"

#include "bios/boot_file.h"
#include "bios/entry_state.h"

namespace twin86 {
namespace {

constexpr u32 kPhys32Entry = 18;  // XEN_ELFNOTE_PHYS32_ENTRY
constexpr u32 kStartMagic = 0x336ec578;

// struct hvm_start_info, version 1.
constexpr u64 kMagic = 0, kVersion = 4, kNrModules = 12, kModlist = 16, kCmdline = 24, kRsdp = 32, kMemmap = 40;
constexpr u64 kMemmapEntries = 48, kStartInfoSize = 56;
constexpr u64 kModuleSize = 32, kMemmapEntrySize = 24;

struct Placement {
    Gpa cmdline = 0, modules = 0, memmap = 0;
    u32 module_count = 0;
};

std::vector<u8> make_memmap(const MemoryMap& map) {
    std::vector<u8> bytes(map.size() * kMemmapEntrySize);
    for (u64 i = 0; i < map.size(); ++i) {
        put<u64>(bytes, i * kMemmapEntrySize, map[i].base);
        put<u64>(bytes, i * kMemmapEntrySize + 8, map[i].size);
        put<u32>(bytes, i * kMemmapEntrySize + 16, static_cast<u32>(map[i].type));
    }
    return bytes;
}

/// The initrd is module 0.
Status place_initrd(const BootRequest& request, BootAllocator& allocator, BootMemory& memory, Placement& place) {
    if (request.initrd.empty()) return {};
    auto bytes = read_boot_file(request.initrd, "initrd", memory.low_size());
    if (!bytes) return bytes.failure();
    const auto at = allocator.highest(bytes->size(), kPageSize, kExtendedMemory, kHighMemory);
    if (!at)
        return error("initrd '{}' ({} MiB) does not fit into RAM beside the kernel; use a larger -m", request.initrd,
                     bytes->size() / MiB + 1);
    if (Status s = store(memory, *at, *bytes); !s) return s;
    std::vector<u8> entry(kModuleSize);
    put<u64>(entry, 0, *at);
    put<u64>(entry, 8, bytes->size());
    auto list = place_low(allocator, memory, entry);
    if (!list) return list.failure();
    place.modules = *list;
    place.module_count = 1;
    return {};
}

Result<Gpa> place_start_info(const BootRequest& request, BootAllocator& allocator, BootMemory& memory,
                             Placement& place) {
    std::vector<u8> text(request.cmdline.begin(), request.cmdline.end());
    text.push_back(0);
    auto cmdline = place_low(allocator, memory, text);
    if (!cmdline) return cmdline;
    auto memmap = place_low(allocator, memory, make_memmap(request.memory_map));
    if (!memmap) return memmap;

    std::vector<u8> info(kStartInfoSize);
    put<u32>(info, kMagic, kStartMagic);
    put<u32>(info, kVersion, 1);
    put<u32>(info, kNrModules, place.module_count);
    put<u64>(info, kModlist, place.modules);
    put<u64>(info, kCmdline, *cmdline);
    put<u64>(info, kRsdp, request.rsdp);
    put<u64>(info, kMemmap, *memmap);
    put<u32>(info, kMemmapEntries, static_cast<u32>(request.memory_map.size()));
    return place_low(allocator, memory, info);
}

}  // namespace

std::optional<u32> pvh_entry(const ElfImage& image) {
    const ByteView note = image.note("Xen", kPhys32Entry);
    if (note.size() != 4 && note.size() != 8) return std::nullopt;
    return note.u32_at(0);
}

Result<BootPlan> load_pvh(const BootRequest& request, const ElfImage& image, BootMemory& memory) {
    const std::optional<u32> entry = pvh_entry(image);
    CHECK(entry.has_value(), "the caller has looked");
    BootAllocator allocator(request.memory_map);
    if (auto loaded = image.load(allocator, memory); !loaded) return loaded.failure();
    Placement place;
    if (Status s = place_initrd(request, allocator, memory, place); !s) return s.failure();
    auto info = place_start_info(request, allocator, memory, place);
    if (!info) return info.failure();
    auto plan = make_entry_state(EntryKind::kProtected32, allocator, memory);
    if (!plan) return plan;
    plan->rip = *entry;
    plan->gpr[kRbx] = *info;
    plan->description = fmt::format("ELF{} kernel, PVH entry at {:#x}", image.is_64() ? 64 : 32, plan->rip);
    return plan;
}

}  // namespace twin86
