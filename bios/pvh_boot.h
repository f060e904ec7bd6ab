// Direct boot of an ELF kernel through its PVH entry point.
#pragma once

#include <optional>

#include "base/result.h"
#include "bios/boot_memory.h"
#include "bios/boot_plan.h"
#include "bios/boot_request.h"
#include "bios/elf_image.h"

namespace twin86 {

/// The 32-bit entry point of the note XEN_ELFNOTE_PHYS32_ENTRY, if the kernel has one.
std::optional<u32> pvh_entry(const ElfImage& image);

Result<BootPlan> load_pvh(const BootRequest& request, const ElfImage& image, BootMemory& memory);

}  // namespace twin86
