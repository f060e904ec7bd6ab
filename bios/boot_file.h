// Reading a kernel, an initrd or a module from the host.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace twin86 {

/// The whole file. `what` ("kernel", "initrd") names it in errors; more than `limit` bytes cannot fit the machine.
Result<std::vector<u8>> read_boot_file(const std::string& path, const char* what, u64 limit);

}  // namespace twin86
