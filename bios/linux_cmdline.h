// The one kernel parameter that concerns a boot loader.
#pragma once

#include <string_view>

#include "base/types.h"

namespace twin86 {

/// The end of memory that the last "mem=" sets (boot.rst, "Special Command Line Options": the initrd must lie below
/// it), or the largest u64.
u64 linux_mem_limit(std::string_view cmdline);

}  // namespace twin86
