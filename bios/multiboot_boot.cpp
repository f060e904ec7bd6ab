// Multiboot Specification 0.6.96, sections 3.2 "Machine state" and 3.3 "Boot information format".
#include "bios/multiboot_boot.h"

#include <algorithm>
#include <optional>

#include "base/bits.h"
#include "bios/boot_file.h"
#include "bios/elf_image.h"
#include "bios/entry_state.h"

namespace twin86 {
namespace {

constexpr u32 kBootloaderMagic = 0x2badb002;

// Boot information: flags and offsets.
constexpr u32 kHasMemory = 1 << 0, kHasCmdline = 1 << 2, kHasModules = 1 << 3, kHasSections = 1 << 5, kHasMmap = 1 << 6;
constexpr u32 kHasLoaderName = 1 << 9;
constexpr u64 kFlags = 0, kMemLower = 4, kMemUpper = 8, kCmdline = 16, kModsCount = 20, kModsAddr = 24, kShdrNum = 28;
constexpr u64 kShdrSize = 32, kShdrAddr = 36, kShdrShndx = 40, kMmapLength = 44, kMmapAddr = 48, kLoaderName = 64;
constexpr u64 kInfoSize = 116;

struct Loader {
    const BootRequest& request;
    ByteView file;
    const MultibootHeader& header;
    BootMemory& memory;
    BootAllocator allocator;
    std::vector<u8> info = std::vector<u8>(kInfoSize);
    u32 entry = 0;
    Gpa kernel_end = 0;

    Status load_image();
    Status load_flat();
    Status load_elf();
    Status add_sections(const ElfImage& image);
    Status add_modules();
    Status add_memory();
    Status add_strings();

    void set_flag(u32 flag) { put<u32>(info, kFlags, ByteView(info).u32_at(kFlags) | flag); }
    Result<u32> place_text(const std::string& text);
};

Result<u32> Loader::place_text(const std::string& text) {
    std::vector<u8> bytes(text.begin(), text.end());
    bytes.push_back(0);
    auto at = place_low(allocator, memory, bytes);
    if (!at) return at.failure();
    return static_cast<u32>(*at);
}

/// Section 3.1.3: the address fields say where the file goes, whatever its format is.
Status Loader::load_flat() {
    const MultibootHeader& h = header;
    const u64 before_header = u64{h.header_addr} - h.load_addr;
    const auto corrupt = [&] {
        return error("kernel '{}' is corrupt: its multiboot address fields make no sense", request.kernel);
    };
    if (h.header_addr < h.load_addr || before_header > h.offset) return corrupt();
    const u64 from = h.offset - before_header;
    const u64 length = h.load_end_addr == 0 ? file.size() - from : u64{h.load_end_addr} - h.load_addr;
    if (h.load_end_addr != 0 && h.load_end_addr < h.load_addr) return corrupt();
    const auto content = file.slice(from, length);
    if (!content)
        return error("kernel '{}' is truncated: its multiboot header promises {} bytes, it has {}", request.kernel,
                     from + length, file.size());
    const u64 bss_end = std::max<u64>(h.bss_end_addr, h.load_addr + length);
    if (!allocator.claim(h.load_addr, bss_end - h.load_addr))
        return error("kernel '{}' wants {:#x}..{:#x}, where there is no free RAM; use a larger -m", request.kernel,
                     h.load_addr, bss_end);
    if (Status s = store(memory, h.load_addr, content->bytes()); !s) return s;
    if (Status s = store_zeros(memory, h.load_addr + length, bss_end - h.load_addr - length); !s) return s;
    entry = h.entry_addr;
    kernel_end = bss_end;
    return {};
}

Status Loader::load_elf() {
    auto image = ElfImage::parse(request.kernel, file);
    if (!image) return image.failure();
    auto end = image->load(allocator, memory);
    if (!end) return end.failure();
    if (image->physical_entry() > 0xffffffff)
        return error("kernel '{}' has its entry point above 4 GiB, multiboot enters in 32-bit mode", request.kernel);
    entry = static_cast<u32>(image->physical_entry());
    kernel_end = *end;
    return add_sections(*image);
}

Status Loader::load_image() {
    if ((header.flags & kMultibootUnknownRequirements) != 0)
        return error("kernel '{}' asks for multiboot features {:#x} that do not exist in version 0.6.96",
                     request.kernel, header.flags & kMultibootUnknownRequirements);
    if ((header.flags & kMultibootAddresses) != 0) return load_flat();
    if (ElfImage::is_elf(file)) return load_elf();
    return error("kernel '{}' has a multiboot header but is neither ELF nor says where it is to be loaded",
                 request.kernel);
}

/// Symbols and strings, which are not part of the image, go to the top of RAM; the table copy says where.
Status Loader::add_sections(const ElfImage& image) {
    if (image.sections().empty()) return {};
    std::vector<u8> table(image.section_table().bytes().begin(), image.section_table().bytes().end());
    for (u64 i = 0; i < image.sections().size(); ++i) {
        const ElfSection& s = image.sections()[i];
        if (s.address != 0 || s.size == 0 || (s.type != kShtSymtab && s.type != kShtStrtab)) continue;
        const auto content = file.slice(s.offset, s.size);
        const auto at = allocator.highest(s.size, kPageSize, kExtendedMemory, kHighMemory);
        if (!content || !at) continue;  // a kernel does without symbols
        if (Status st = store(memory, *at, content->bytes()); !st) return st;
        const u64 entry_at = i * image.section_entry_size();
        if (image.is_64())
            put<u64>(table, entry_at + 16, *at);
        else
            put<u32>(table, entry_at + 12, static_cast<u32>(*at));
    }
    const auto at = allocator.highest(table.size(), kPageSize, kExtendedMemory, kHighMemory);
    if (!at) return {};
    put<u32>(info, kShdrNum, static_cast<u32>(image.sections().size()));
    put<u32>(info, kShdrSize, image.section_entry_size());
    put<u32>(info, kShdrAddr, static_cast<u32>(*at));
    put<u32>(info, kShdrShndx, image.section_names());
    set_flag(kHasSections);
    return store(memory, *at, table);
}

std::vector<std::string> split_modules(const std::string& list) {
    std::vector<std::string> parts;
    for (u64 from = 0; !list.empty() && from <= list.size();) {
        const u64 comma = std::min(list.find(',', from), list.size());
        const u64 start = std::min(list.find_first_not_of(' ', from), comma);
        parts.push_back(list.substr(start, comma - start));
        from = comma + 1;
    }
    return parts;
}

/// Modules follow the kernel, each on a page of its own.
Status Loader::add_modules() {
    std::vector<u8> list;
    for (const std::string& part : split_modules(request.initrd)) {
        const std::string path = part.substr(0, part.find(' '));
        if (path.empty()) return error("-initrd '{}' names an empty module", request.initrd);
        auto bytes = read_boot_file(path, "module", memory.low_size());
        if (!bytes) return bytes.failure();
        const auto at = allocator.lowest(bytes->size(), kPageSize, std::max(kernel_end, kExtendedMemory), kHighMemory);
        if (!at)
            return error("module '{}' ({} KiB) does not fit into RAM; use a larger -m", path, bytes->size() / KiB + 1);
        if (Status s = store(memory, *at, *bytes); !s) return s;
        auto text = place_text(part);
        if (!text) return text.failure();
        for (const u64 field : {*at, *at + bytes->size(), u64{*text}, u64{0}})
            append<u32>(list, static_cast<u32>(field));
    }
    set_flag(kHasModules);
    if (list.empty()) return {};
    auto at = place_low(allocator, memory, list);
    if (!at) return at.failure();
    put<u32>(info, kModsCount, static_cast<u32>(list.size() / 16));
    put<u32>(info, kModsAddr, static_cast<u32>(*at));
    return {};
}

Status Loader::add_memory() {
    constexpr u32 kEntrySize = 20;  // does not count itself
    std::vector<u8> mmap;
    u64 upper = 0;
    for (const MemoryRange& r : request.memory_map) {
        append<u32>(mmap, kEntrySize);
        append<u64>(mmap, r.base);
        append<u64>(mmap, r.size);
        append<u32>(mmap, static_cast<u32>(r.type));
        if (r.base == kExtendedMemory && r.type == MemoryType::kUsable) upper = r.size;
    }
    auto at = place_low(allocator, memory, mmap);
    if (!at) return at.failure();
    put<u32>(info, kMemLower, static_cast<u32>(kEbdaBase / KiB));
    put<u32>(info, kMemUpper, static_cast<u32>(upper / KiB));
    put<u32>(info, kMmapLength, static_cast<u32>(mmap.size()));
    put<u32>(info, kMmapAddr, static_cast<u32>(*at));
    set_flag(kHasMemory | kHasMmap);
    return {};
}

/// The command line begins with the kernel's name, as GRUB passes it.
Status Loader::add_strings() {
    auto cmdline = place_text(request.cmdline.empty() ? request.kernel : request.kernel + " " + request.cmdline);
    if (!cmdline) return cmdline.failure();
    auto name = place_text("twin86");
    if (!name) return name.failure();
    put<u32>(info, kCmdline, *cmdline);
    put<u32>(info, kLoaderName, *name);
    set_flag(kHasCmdline | kHasLoaderName);
    return {};
}

}  // namespace

Result<BootPlan> load_multiboot(const BootRequest& request, ByteView file, const MultibootHeader& header,
                                BootMemory& memory) {
    Loader loader{request, file, header, memory, BootAllocator(request.memory_map)};
    for (const auto step : {&Loader::load_image, &Loader::add_modules, &Loader::add_memory, &Loader::add_strings})
        if (Status s = (loader.*step)(); !s) return s.failure();
    auto info = place_low(loader.allocator, memory, loader.info);
    if (!info) return info.failure();
    auto plan = make_entry_state(EntryKind::kProtected32, loader.allocator, memory);
    if (!plan) return plan;
    plan->rip = loader.entry;
    plan->gpr[kRax] = kBootloaderMagic;
    plan->gpr[kRbx] = *info;
    plan->description = fmt::format("multiboot kernel, entry at {:#x}, {} modules", plan->rip,
                                    ByteView(loader.info).u32_at(kModsCount));
    return plan;
}

}  // namespace twin86
