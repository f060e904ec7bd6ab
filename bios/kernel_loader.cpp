#include "bios/kernel_loader.h"

#include "bios/boot_file.h"
#include "bios/entry_state.h"
#include "bios/linux_boot.h"
#include "bios/linux_header.h"

namespace twin86 {
namespace {

constexpr u64 kLeastRam = 2 * MiB;

Error unknown_kind(const std::string& name, ByteView file) {
    if (file.starts_with(0, "\x1f\x8b"))
        return error("kernel '{}' is gzip-compressed and no bzImage; unpack it first (gunzip)", name);
    if (file.starts_with(0, "MZ"))
        return error("kernel '{}' is an EFI program and no x86 bzImage; boot it through -bios with a UEFI firmware", name);
    return error("kernel '{}' is nothing this machine can start: an x86 bzImage, a multiboot kernel or an ELF file with a PVH "
                 "entry note is needed", name);
}

}  // namespace

Result<BootPlan> load_kernel(const BootRequest& request, BootMemory& memory) {
    if (memory.low_size() < kLeastRam)
        return error("-kernel needs at least {} MiB of RAM, the machine has {} KiB; use a larger -m", kLeastRam / MiB,
                     memory.low_size() / KiB);
    auto bytes = read_boot_file(request.kernel, "kernel", memory.low_size());
    if (!bytes) return bytes.failure();
    if (Status s = write_bios_data_area(memory); !s) return s.failure();
    const ByteView file{*bytes};
    if (is_linux_image(file)) return load_linux(request, file, memory);
    return unknown_kind(request.kernel, file);
}

}  // namespace twin86
