// Host signals of emitted code. The handler only redirects the thread to a recovery thunk; all work happens there.
#pragma once

#include "accel/jit/code_cache.h"
#include "accel/jit/frame.h"

namespace twin86::jit {

/// While alive, faults of the calling thread inside `cache` arrive at `recover` with frame->fault_* set. Installs the
/// process-wide handlers on first use and gives the thread an alternate signal stack.
class FaultScope {
  public:
    FaultScope(JitFrame& frame, const CodeCache& cache, const u8* recover);
    ~FaultScope();
    FaultScope(const FaultScope&) = delete;
    FaultScope& operator=(const FaultScope&) = delete;
};

}  // namespace twin86::jit
