// What the user asked to boot directly, and what every loader needs to know about the machine.
#pragma once

#include <string>

#include "base/types.h"
#include "bios/boot_screen.h"
#include "bios/memory_map.h"

namespace twin86 {

struct BootRequest {
    std::string kernel;     ///< path of -kernel
    std::string initrd;     ///< -initrd as written; for multiboot "file args,file2 args"; empty: none
    std::string cmdline;    ///< -append
    MemoryMap memory_map;   ///< pc_memory_map()
    Gpa rsdp = 0;           ///< 0: no ACPI
    BootScreen screen;
};

}  // namespace twin86
