// DeviceLog: what a processor exchanged with the machine, in order, so that another one can be given the same.
#pragma once

#include <string>
#include <vector>

#include "base/types.h"

namespace twin86 {

struct DeviceAccess {
    enum class Kind : u8 {
        kPortRead,
        kPortWrite,
        kMmioRead,
        kMmioWrite,
        kAcknowledge,  ///< value: the vector, or ~0
        kReadTpr,
        kWriteTpr,
        kReadApicMsr,  ///< size: 1 when it exists
        kWriteApicMsr,
        kReadTsc,
        kReadIgnne,
    };
    Kind kind;
    u64 address = 0;
    unsigned size = 0;
    u64 value = 0;
};

using DeviceLog = std::vector<DeviceAccess>;

/// "out 0x3f8.1 <- 0x41".
std::string text_of(const DeviceAccess& access);

}  // namespace twin86
