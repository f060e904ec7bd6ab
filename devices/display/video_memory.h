// VideoMemory: what a display adapter asks of whoever owns its memory. Guests write a linear frame buffer as ordinary
// memory, so the adapter does not see the writes.
#pragma once

#include <span>

#include "devices/core/bus.h"

namespace twin86 {

class VideoMemory {
  public:
    virtual ~VideoMemory() = default;
    /// A positive multiple of 64 KiB.
    virtual std::span<u8> bytes() = 0;
    /// Back to zeroes, as after power-on.
    virtual void clear() = 0;
    /// Shows all of it at this physical address for as long as the handle lives.
    [[nodiscard]] virtual Mapping show_at(Gpa base) = 0;
};

}  // namespace twin86
