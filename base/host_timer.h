// HostTimer: a file descriptor that becomes readable at a time of CLOCK_MONOTONIC.
#pragma once

#include "base/types.h"
#include "base/unique_fd.h"

namespace twin86 {

class HostTimer {
  public:
    static constexpr u64 kNever = ~u64{0};

    /// Without a free descriptor fd() is negative and errno says why; then nothing else may be called.
    HostTimer();

    /// Replaces what was set before; a time in the past is now.
    void set(u64 monotonic_ns);
    /// The time has come and was seen: not readable until the next one.
    void acknowledge();
    int fd() const { return fd_.get(); }

  private:
    UniqueFd fd_;
};

}  // namespace twin86
