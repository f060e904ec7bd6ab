// EventCounter: how often something happened, as a file descriptor that a kernel or another process can add to. eventfd(2).
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/types.h"
#include "base/unique_fd.h"

namespace twin86 {

class EventCounter {
  public:
    /// -1: the host has no descriptor left.
    int fd() const { return fd_.get(); }
    /// What was added since the last call.
    u64 take() {
        u64 count = 0;
        return ::read(fd_.get(), &count, sizeof count) == sizeof count ? count : 0;
    }

  private:
    UniqueFd fd_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
};

}  // namespace twin86
