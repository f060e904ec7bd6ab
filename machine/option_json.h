// Values of options as JSON objects, which QEMU takes for -blockdev, -device and -object.
#pragma once

#include <string>

#include "base/result.h"

namespace twin86 {

/// '{"driver": "raw", "file": {"driver": "file", "filename": "a"}}' as "raw,file.driver=file,file.filename=a"; what is no
/// object stays. The member `bare` comes first, without its name.
Result<std::string> without_json(const std::string& option, const std::string& value, const std::string& bare);

}  // namespace twin86
