// AbsenceMeter: for how long a thread that wanted to run did not.
#pragma once

#include <ctime>

#include "base/host_time.h"

namespace twin86 {

class AbsenceMeter {
  public:
    /// Nanoseconds since the last call in which the calling thread got no processor, for whatever reason. One thread.
    u64 take() {
        const u64 real = clock_ns(CLOCK_MONOTONIC), used = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        const u64 passed = real - real_, worked = used - used_;
        real_ = real;
        used_ = used;
        return passed > worked ? passed - worked : 0;
    }

  private:
    u64 real_ = 0, used_ = 0;
};

}  // namespace twin86
