// Direct boot of a Linux bzImage through its 64-bit or 32-bit entry.
#pragma once

#include "base/result.h"
#include "bios/boot_memory.h"
#include "bios/boot_plan.h"
#include "bios/boot_request.h"
#include "bios/byte_view.h"

namespace twin86 {

/// `file` is a bzImage (is_linux_image()). Writes kernel, initrd, boot_params and command line to guest RAM.
Result<BootPlan> load_linux(const BootRequest& request, ByteView file, BootMemory& memory);

}  // namespace twin86
