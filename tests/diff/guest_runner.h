// GuestRunner: executes jobs in a JitGuest.
#pragma once

#include <atomic>
#include <ctime>
#include <string>
#include <thread>

#include "tests/diff/case.h"
#include "tests/lib/jit_guest.h"

namespace twin86::diff {

/// What SLDT and STR store.
struct SystemSelectors {
    u16 ldt = 0x48, task = 0x40;
};

class GuestRunner {
  public:
    GuestRunner(const jit::JitOptions& options, bool user, SystemSelectors selectors);

    /// Executes one job. False: the engine gave up or hung; failure() says why, and the guest is made anew.
    bool run(const Job& job, JobResult& result);
    const std::string& failure() const { return failure_; }
    const CpuModel& model() const { return guest_->model(); }
    jit::JitVcpu& vcpu() { return guest_->vcpu(); }

  private:
    static constexpr std::clock_t kTimeoutSeconds = 10;  ///< of CPU time
    void create();

    const jit::JitOptions options_;
    const bool user_;  ///< ring 3, or ring 0 where blocks have addresses baked in
    const SystemSelectors selectors_;
    std::unique_ptr<test::JitGuest> guest_;
    CpuState start_[2];  ///< 64 and 32 bits
    std::string failure_;
    // A thread that ends a run that does not end by itself.
    std::atomic<u64> started_ = 0, watched_ = 0;
    std::atomic<bool> running_ = false;
    std::jthread watchdog_;
};

}  // namespace twin86::diff
