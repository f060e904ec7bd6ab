// DeferredWork: how work of another thread (a disk request, a packet) comes back to the devices.
#pragma once

#include <functional>

namespace twin86 {

class DeferredWork {
  public:
    virtual ~DeferredWork() = default;
    /// Runs `work` later: with the machine's lock held, in the order of posting, while no processor executes, so that
    /// DMA may change any memory; not while the machine is paused. From any thread, without the lock.
    virtual void post(std::function<void()> work) = 0;
};

}  // namespace twin86
