// Reference: the engine that another one is compared with, instruction by instruction.
//
// An engine that is believed more, but cannot execute everything, may stand in front of one that can.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "accel/vcpu.h"

namespace twin86 {

class Reference {
  public:
    /// `preferred` may be null.
    Reference(std::unique_ptr<Vcpu> preferred, std::unique_ptr<Vcpu> complete)
        : preferred_(std::move(preferred)), complete_(std::move(complete)), active_(complete_.get()) {}

    /// Goes on from here. `stale`: others have executed since, or changed memory.
    void start(const CpuState& state, bool stale);
    /// One instruction, or a round of a string instruction. False: the complete engine has failed.
    bool step();

    u64 rip() { return active_->rip(); }
    const CpuState& state() const { return active_->state(); }
    /// Arithmetic flags that nobody need agree about.
    u64 unsure_flags() const { return unsure_; }
    bool by_preferred() const { return active_ == preferred_.get(); }
    const std::string& failure() const { return complete_->failure(); }
    /// How many instructions each has executed, and why not the preferred one.
    std::string statistics() const;
    u64 steps() const { return preferred_steps_ + complete_steps_; }

  private:
    bool step_preferred();

    std::unique_ptr<Vcpu> preferred_, complete_;
    Vcpu* active_;
    bool complete_stale_ = true;  ///< it has not seen all that was executed
    u64 unsure_ = 0;
    u64 preferred_steps_ = 0, complete_steps_ = 0;
    std::map<std::string, u64> refusals_;
};

}  // namespace twin86
