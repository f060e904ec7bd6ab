// Direct boot of a Multiboot 1 kernel with modules.
#pragma once

#include "base/result.h"
#include "bios/boot_memory.h"
#include "bios/boot_plan.h"
#include "bios/boot_request.h"
#include "bios/byte_view.h"
#include "bios/multiboot_header.h"

namespace twin86 {

/// `-initrd "file args,file2 args"` names the modules; each one's string is the whole of its part.
Result<BootPlan> load_multiboot(const BootRequest& request, ByteView file, const MultibootHeader& header,
                                BootMemory& memory);

}  // namespace twin86
