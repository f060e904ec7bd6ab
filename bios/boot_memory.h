// BootMemory: guest RAM as the loaders see it before the first instruction runs.
#pragma once

#include <span>

#include "base/types.h"

namespace twin86 {

/// RAM lies at 0..low_size() and at 4 GiB..4 GiB + high_size(); the video hole below 1 MiB is the machine's business.
class BootMemory {
  public:
    virtual ~BootMemory() = default;
    virtual u64 low_size() const = 0;
    virtual u64 high_size() const = 0;
    /// False when a byte of the range is not RAM.
    virtual bool write(Gpa address, std::span<const u8> from) = 0;
    virtual bool read(Gpa address, std::span<u8> to) = 0;
};

}  // namespace twin86
