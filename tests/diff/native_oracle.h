// NativeOracle: executes jobs on the host processor, in a child process that has the case's memory and a signal handler.
//
// The child gets batches through shared memory and is confined by strict seccomp: read, write, exit. When a case kills
// or hangs it, that case has no result and a new child takes over.
#pragma once

#include <sys/types.h>

#include <span>

#include "tests/diff/case.h"

namespace twin86::diff {

class NativeOracle {
  public:
    static constexpr unsigned kBatch = 32;

    NativeOracle();
    ~NativeOracle();
    NativeOracle(const NativeOracle&) = delete;
    NativeOracle& operator=(const NativeOracle&) = delete;

    /// Slots of the shared batch: fill jobs, execute(n), read results.
    Job& job(unsigned n);
    const JobResult& result(unsigned n) const;
    bool valid(unsigned n) const;  ///< false: this case took the child down
    void execute(unsigned count);

    u64 restarts() const { return restarts_; }

  private:
    struct Shared;
    void start_child();
    void stop_child();
    [[noreturn]] void child_loop(int from_parent, int to_parent);

    Shared* shared_ = nullptr;
    pid_t child_ = -1;
    int to_child_ = -1, from_child_ = -1;
    u64 restarts_ = 0;
};

/// FS and GS base can be set from user space.
bool host_has_fsgsbase();

}  // namespace twin86::diff
