// ThreadTime: how much processor time one thread has used, for others to read.
//
// Intervals that are measured by it do not shrink when the host is busy and the thread gets no time.
#pragma once

#include <pthread.h>
#include <time.h>

#include <atomic>

#include "base/types.h"

namespace twin86 {

class ThreadTime {
  public:
    /// From now on the calling thread's. It outlives all calls of ns() until another thread calls this.
    void bind() {
        clockid_t id;
        if (pthread_getcpuclockid(pthread_self(), &id) == 0) clock_ = id;
    }
    /// Nanoseconds since the thread began; those of the caller before bind(). From any thread.
    u64 ns() const {
        timespec t{};
        clock_gettime(clock_, &t);
        return static_cast<u64>(t.tv_sec) * 1'000'000'000 + static_cast<u64>(t.tv_nsec);
    }

  private:
    std::atomic<clockid_t> clock_ = CLOCK_THREAD_CPUTIME_ID;
};

}  // namespace twin86
