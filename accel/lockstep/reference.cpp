#include "accel/lockstep/reference.h"

#include <fmt/core.h>

#include <algorithm>
#include <vector>

namespace twin86 {

void Reference::start(const CpuState& state, bool stale) {
    active_ = complete_.get();
    complete_->state() = state;
    complete_stale_ |= stale;
    unsure_ = 0;
}

bool Reference::step() {
    if (preferred_ != nullptr && step_preferred()) return true;
    if (complete_stale_) complete_->state_changed();
    complete_stale_ = false;
    ++complete_steps_;
    return complete_->step(1).exit != RunExit::kFatal;
}

/// False: the state is in the complete engine.
bool Reference::step_preferred() {
    if (!by_preferred()) {
        preferred_->state() = complete_->state();
        preferred_->state_changed();
    }
    const Vcpu::Step did = preferred_->step(1);
    if (did.exit != RunExit::kFatal) {
        active_ = preferred_.get();
        complete_stale_ = true;
        ++preferred_steps_;
        unsure_ = (unsure_ & ~did.settled_flags) | did.unsure_flags;
        return true;
    }
    ++refusals_[preferred_->failure()];
    complete_->state() = preferred_->state();
    active_ = complete_.get();
    return false;
}

std::string Reference::statistics() const {
    std::string out = fmt::format("reference         {} instructions", steps());
    if (preferred_ != nullptr) out += fmt::format(", {} of them by the preferred engine", preferred_steps_);
    out += '\n';
    std::vector<std::pair<u64, std::string>> sorted;
    for (const auto& [why, count] : refusals_) sorted.emplace_back(count, why);
    std::sort(sorted.rbegin(), sorted.rend());
    for (const auto& [count, why] : sorted) out += fmt::format("not by it         {} times: {}\n", count, why);
    return out;
}

}  // namespace twin86
