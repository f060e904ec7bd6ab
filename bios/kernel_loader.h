// Direct boot: -kernel, -initrd, -append without firmware.
#pragma once

#include "base/result.h"
#include "bios/boot_memory.h"
#include "bios/boot_plan.h"
#include "bios/boot_request.h"

namespace twin86 {

/// Reads the kernel, finds out what it is (bzImage, multiboot 1, PVH ELF), puts it and its companions into guest RAM
/// and says in which state the boot processor starts. Every failure is one line for the user.
Result<BootPlan> load_kernel(const BootRequest& request, BootMemory& memory);

}  // namespace twin86
