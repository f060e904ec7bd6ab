// LockstepVcpu: one processor that two engines execute, interval by interval, from the same state on the same memory.
//
// The checked engine runs first, with the real machine. Then its writes are taken out of memory, and the reference
// follows one instruction at a time with what the machine answered, until it is where the checked one ended. Registers
// and all memory that either has written must agree. Files: lockstep_vcpu.cpp (intervals), divergence.cpp (which
// instruction it was).
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accel/lockstep/logged_environment.h"
#include "accel/lockstep/memory_base.h"
#include "accel/lockstep/reference.h"
#include "accel/lockstep/state_difference.h"
#include "accel/vcpu.h"
#include "base/alarm.h"
#include "base/log.h"

namespace twin86 {

struct LockstepOptions {
    u64 blocks = 256;      ///< of the checked engine between two comparisons
    u64 unchecked_ns = 0;  ///< the checked engine alone, after each interval
};

struct MemoryDifference {
    Gpa address;
    u32 first, second;
};

class LockstepVcpu : public Vcpu {
  public:
    /// What both engines' environments share; the engines are made with these.
    struct Environments {
        explicit Environments(VcpuEnvironment& machine)
            : machine(machine), checked(machine, log), reference(machine, log) {}
        VcpuEnvironment& machine;
        DeviceLog log;
        LoggedEnvironment checked, reference;
    };

    LockstepVcpu(std::unique_ptr<Environments> environments, std::unique_ptr<Vcpu> checked, Reference reference,
                 std::unique_ptr<MemoryBase> base, const LockstepOptions& options, const CpuModel& model, PhysMap& phys,
                 Log& log);
    ~LockstepVcpu() override;

    RunExit run() override;
    void request_exit() override;
    void kick() override { checked_->kick(); }
    void set_timer_deadline(u64 host_tsc) override;
    CpuState& state() override { return checked_->state(); }
    void state_changed() override { checked_->state_changed(); }
    void set_nmi_pending() override { checked_->set_nmi_pending(); }
    bool wakes() override { return checked_->wakes(); }
    const std::string& failure() const override { return failure_; }
    std::string statistics() const override;
    void dump_history() const override {}

    u64 intervals() const { return intervals_; }

  private:
    /// A stretch as the checked engine has executed it.
    struct Interval {
        CpuState start, end;
        Step step;
        std::size_t log_from = 0;
        std::vector<Gpa> pages;    ///< that it has written
        std::vector<u8> contents;  ///< of these, afterwards
    };
    struct Finding;

    // lockstep_vcpu.cpp
    RunExit run_intervals();
    RunExit run_unchecked();
    RunExit run_interval();
    Interval execute(u64 blocks);
    bool may_take_interrupt();
    bool agree(Interval& interval);
    void take_out(Interval& interval);
    bool follow(const Interval& interval);
    bool arrived(const Interval& interval);
    void compare_memory(const Interval& interval);
    void compare_page(const Interval& interval, Gpa page, const u8* wanted);
    void settle(const Interval& interval);
    bool devices_agree() const;
    u64 needless_flags(const Interval& interval) const;

    // divergence.cpp
    RunExit report(const Interval& interval);
    Finding find(const Interval& interval);
    Finding narrow(const Interval& block);
    Interval again(const Interval& interval, u64 blocks);
    void rewind(const Interval& interval);
    std::string text_here(const CpuState& at) const;
    std::string difference_text();

    std::unique_ptr<Environments> environments_;
    std::unique_ptr<Vcpu> checked_;
    Reference reference_;
    std::unique_ptr<MemoryBase> base_;
    const LockstepOptions options_;
    const CpuModel& model_;
    PhysMap& phys_;
    Log& log_;
    std::atomic<bool> exit_requested_ = false;
    std::atomic<bool> unchecked_ = false;
    std::atomic<u64> deadline_ = ~u64{0};
    bool stale_ = true;  ///< the reference has not followed
    std::string failure_;
    u64 intervals_ = 0, skipped_ = 0;

    // Of the comparison in progress, or the last one.
    std::vector<Gpa> written_;  ///< by the reference
    std::vector<RegisterDifference> registers_;
    std::vector<MemoryDifference> memory_;
    bool came_there_ = false;  ///< the reference has been at the RIP where the checked engine ended

    std::optional<Alarm> alarm_;  // last: its thread uses the rest
};

}  // namespace twin86
