// Doorbell: an address where a write says only that it came. Engines may count such writes in an event file descriptor
// (eventfd(2)); those that do not bring them to the handler, which must have the same effect.
#pragma once

#include <optional>

#include "base/types.h"

namespace twin86 {

struct Doorbell {
    bool port = false;         ///< in port space, not in memory
    u64 address = 0;           ///< of a handler's list: relative to its mapping
    unsigned size = 0;         ///< writes of this size count, and no others
    std::optional<u64> value;  ///< this one alone, if given
    int event_fd = -1;
    bool operator==(const Doorbell&) const = default;
};

}  // namespace twin86
