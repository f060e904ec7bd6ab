// What the user asked to boot directly, and what every loader needs to know about the machine.
#pragma once

#include <string>

#include "base/types.h"
#include "bios/memory_map.h"

namespace twin86 {

struct BootRequest {
    std::string kernel;     ///< path of -kernel
    std::string initrd;     ///< -initrd as written; for multiboot "file args,file2 args"; empty: none
    std::string cmdline;    ///< -append
    MemoryMap memory_map;   ///< pc_memory_map()
    Gpa rsdp = 0;           ///< 0: no ACPI
    bool vga_text = false;  ///< a VGA in text mode 3 is there (Linux prints to it before its drivers come up)
};

}  // namespace twin86
