#include "accel/lockstep/device_log.h"

#include <fmt/core.h>

namespace twin86 {

std::string text_of(const DeviceAccess& a) {
    using Kind = DeviceAccess::Kind;
    switch (a.kind) {
        case Kind::kPortRead:
            return fmt::format("in {:#x}.{}", a.address, a.size);
        case Kind::kPortWrite:
            return fmt::format("out {:#x}.{} <- {:#x}", a.address, a.size, a.value);
        case Kind::kMmioRead:
            return fmt::format("read of device memory {:#x}.{}", a.address, a.size);
        case Kind::kMmioWrite:
            return fmt::format("write of device memory {:#x}.{} <- {:#x}", a.address, a.size, a.value);
        case Kind::kAcknowledge:
            return "interrupt";
        case Kind::kReadTpr:
            return "read of CR8";
        case Kind::kWriteTpr:
            return fmt::format("CR8 <- {:#x}", a.value);
        case Kind::kReadApicMsr:
            return fmt::format("RDMSR {:#x}", a.address);
        case Kind::kWriteApicMsr:
            return fmt::format("WRMSR {:#x} <- {:#x}", a.address, a.value);
        case Kind::kReadTsc:
            return "RDTSC";
        case Kind::kReadIgnne:
            return "IGNNE#";
    }
    return {};
}

}  // namespace twin86
