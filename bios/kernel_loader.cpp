#include "bios/kernel_loader.h"

#include <algorithm>

#include "bios/boot_file.h"
#include "bios/elf_image.h"
#include "bios/entry_state.h"
#include "bios/linux_boot.h"
#include "bios/linux_header.h"
#include "bios/multiboot_boot.h"
#include "bios/pvh_boot.h"

namespace twin86 {
namespace {

constexpr u64 kLeastRam = 2 * MiB;
constexpr u64 kLargestImage = 2 * GiB;  // an ELF file may carry more symbols than the machine has RAM

Error unknown_kind(const std::string& name, ByteView file) {
    if (file.starts_with(0, "\x1f\x8b"))
        return error("kernel '{}' is gzip-compressed and no bzImage; unpack it first (gunzip)", name);
    if (file.starts_with(0, "MZ"))
        return error("kernel '{}' is an EFI program and no x86 bzImage; boot it through -bios with a UEFI firmware",
                     name);
    return error(
        "kernel '{}' is nothing this machine can start: an x86 bzImage, a multiboot kernel or an ELF file with a PVH "
        "entry note is needed",
        name);
}

Result<BootPlan> load_elf(const BootRequest& request, ByteView file, BootMemory& memory) {
    auto image = ElfImage::parse(request.kernel, file);
    if (!image) return image.failure();
    if (!pvh_entry(*image))
        return error("kernel '{}' is an ELF file with neither a multiboot header nor a PVH entry note (CONFIG_PVH)",
                     request.kernel);
    return load_pvh(request, *image, memory);
}

}  // namespace

Result<BootPlan> load_kernel(const BootRequest& request, BootMemory& memory) {
    if (memory.low_size() < kLeastRam)
        return error("-kernel needs at least {} MiB of RAM, the machine has {} KiB; use a larger -m", kLeastRam / MiB,
                     memory.low_size() / KiB);
    auto bytes = read_boot_file(request.kernel, "kernel", std::max(memory.low_size(), kLargestImage));
    if (!bytes) return bytes.failure();
    if (Status s = write_bios_data_area(memory); !s) return s.failure();
    const ByteView file{*bytes};
    if (is_linux_image(file)) return load_linux(request, file, memory);
    if (const auto header = find_multiboot_header(file)) return load_multiboot(request, file, *header, memory);
    if (ElfImage::is_elf(file)) return load_elf(request, file, memory);
    return unknown_kind(request.kernel, file);
}

}  // namespace twin86
