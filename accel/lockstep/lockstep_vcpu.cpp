#include "accel/lockstep/lockstep_vcpu.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "accel/lockstep/held.h"
#include "accel/lockstep/leniency.h"
#include "cpu/semantics/interrupts.h"

namespace twin86 {

namespace {

constexpr u64 kMostInstructionsOfBlock = 64, kSlack = 64, kMostRounds = 1 << 18;
constexpr std::size_t kMostDifferences = 16;

}  // namespace

LockstepVcpu::LockstepVcpu(std::unique_ptr<Environments> environments, std::unique_ptr<Vcpu> checked,
                           Reference reference, std::unique_ptr<MemoryBase> base, const LockstepOptions& options,
                           const CpuModel& model, PhysMap& phys, Log& log)
    : environments_(std::move(environments)),
      checked_(std::move(checked)),
      reference_(std::move(reference)),
      base_(std::move(base)),
      options_(options),
      model_(model),
      phys_(phys),
      log_(log) {
    checked_->set_timer_deadline(0);
    if (options_.unchecked_ns != 0) alarm_.emplace([this] { checked_->request_exit(); });
}

LockstepVcpu::~LockstepVcpu() = default;

void LockstepVcpu::request_exit() {
    exit_requested_ = true;
    checked_->request_exit();
}

/// While both execute, each read of the TSC goes through the environment.
void LockstepVcpu::set_timer_deadline(u64 host_tsc) {
    deadline_ = host_tsc;
    if (unchecked_) checked_->set_timer_deadline(host_tsc);
}

RunExit LockstepVcpu::run() {
    {
        const Held held(environments_->machine);
        base_->sync();  // others may have changed memory
    }
    stale_ = true;
    const RunExit exit = run_intervals();
    environments_->checked.pass();  // who asks the engine between two runs asks for the machine as it is then
    return exit;
}

RunExit LockstepVcpu::run_intervals() {
    for (;;) {
        if (exit_requested_.exchange(false)) return RunExit::kInterrupted;
        RunExit exit = run_interval();
        if (exit == RunExit::kInterrupted && options_.unchecked_ns != 0) exit = run_unchecked();
        if (exit != RunExit::kInterrupted) return exit;
    }
}

RunExit LockstepVcpu::run_unchecked() {
    environments_->checked.pass();
    unchecked_ = true;
    checked_->set_timer_deadline(deadline_);
    alarm_->set(options_.unchecked_ns);
    const RunExit exit = checked_->run();
    unchecked_ = false;
    checked_->set_timer_deadline(0);
    if (exit == RunExit::kFatal) failure_ = checked_->failure();
    const Held held(environments_->machine);
    base_->sync();
    stale_ = true;
    return exit;
}

bool LockstepVcpu::may_take_interrupt() {
    const CpuState& s = checked_->state();
    return !s.nmi_pending && s.pending.kind == PendingEvent::Kind::kNone && interrupts_enabled(s) &&
           environments_->machine.interrupt_pending();
}

RunExit LockstepVcpu::run_interval() {
    // What a write to a device changes is the machine's: the reference goes on from there.
    environments_->checked.record(may_take_interrupt(), [this] { checked_->request_exit(); });
    Interval interval = execute(options_.blocks);
    if (interval.step.exit == RunExit::kFatal) return failure_ = checked_->failure(), RunExit::kFatal;
    const Held held(environments_->machine);
    environments_->reference.take_constants(environments_->checked);
    if (base_->changed_from_outside()) {
        base_->sync();
        stale_ = true;
        ++skipped_;
        return interval.step.exit;
    }
    if (!agree(interval)) return report(interval);
    settle(interval);
    ++intervals_;
    return interval.step.exit;
}

LockstepVcpu::Interval LockstepVcpu::execute(u64 blocks) {
    Interval interval;
    interval.start = checked_->state();
    interval.log_from = environments_->checked.position();
    interval.step = checked_->step(blocks);
    interval.end = checked_->state();
    return interval;
}

/// Lets the reference execute the same. Otherwise registers_, memory_ and devices_agree() say what differs.
bool LockstepVcpu::agree(Interval& interval) {
    take_out(interval);
    written_.clear();
    registers_.clear();
    memory_.clear();
    environments_->reference.replay(interval.log_from);
    reference_.start(interval.start, std::exchange(stale_, false));
    const bool same = follow(interval);
    if (!same) stale_ = true;
    return same;
}

void LockstepVcpu::take_out(Interval& interval) {
    interval.pages = base_->take_written();
    std::erase_if(interval.pages, [this](Gpa page) { return base_->is(page) == nullptr; });
    interval.contents.resize(interval.pages.size() * kPageSize);
    for (std::size_t n = 0; n < interval.pages.size(); ++n) {
        std::memcpy(&interval.contents[n * kPageSize], base_->is(interval.pages[n]), kPageSize);
        base_->put(interval.pages[n], base_->was(interval.pages[n]));
    }
}

/// Until it is where the checked engine ended, or has executed more than that can have been.
bool LockstepVcpu::follow(const Interval& interval) {
    came_there_ = false;
    u64 rounds = kMostRounds;  // of string instructions
    for (u64 left = options_.blocks * kMostInstructionsOfBlock + kSlack; left > 0 && rounds > 0 && devices_agree();) {
        const u64 rip = reference_.rip();
        if (rip == interval.end.rip && arrived(interval)) return true;
        if (!reference_.step()) return false;
        --(reference_.rip() != rip ? left : rounds);
    }
    return false;
}

/// Flags that nothing reads are not kept for an exception's handler, and not at the entry of a loop (ARCHITECTURE.md).
u64 LockstepVcpu::needless_flags(const Interval& interval) const {
    if (interval.step.raised) return kFlagsArithmetic;
    const u64 differing = (interval.end.rflags ^ reference_.state().rflags) & kFlagsArithmetic;
    return differing != 0 ? dead_flags(interval.end, phys_.pages(), model_) : 0;
}

bool LockstepVcpu::devices_agree() const {
    return environments_->reference.difference().empty() && environments_->checked.difference().empty();
}

/// The fewest differences found at that RIP are kept.
bool LockstepVcpu::arrived(const Interval& interval) {
    const u64 unsure = reference_.unsure_flags() | needless_flags(interval);
    auto found = differences(interval.end, reference_.state(), unsure, model_);
    if (found.empty()) compare_memory(interval);
    if (!came_there_ || found.size() < registers_.size()) registers_ = std::move(found);
    came_there_ = true;
    return registers_.empty() && memory_.empty() &&
           environments_->reference.position() == environments_->checked.position();
}

void LockstepVcpu::compare_memory(const Interval& interval) {
    memory_.clear();
    const std::vector<Gpa> more = base_->take_written();
    written_.insert(written_.end(), more.begin(), more.end());
    std::sort(written_.begin(), written_.end());
    written_.erase(std::unique(written_.begin(), written_.end()), written_.end());
    for (std::size_t n = 0; n < interval.pages.size(); ++n)
        compare_page(interval, interval.pages[n], &interval.contents[n * kPageSize]);
    for (const Gpa page : written_)
        if (!std::binary_search(interval.pages.begin(), interval.pages.end(), page))
            compare_page(interval, page, base_->was(page));
}

/// A device may have written to its own memory when it was accessed, which does not happen again.
void LockstepVcpu::compare_page(const Interval& interval, Gpa page, const u8* wanted) {
    const u8* const is = base_->is(page);
    if (is == nullptr || std::memcmp(wanted, is, kPageSize) == 0) return;
    if (!base_->is_system(page) && !environments_->log.empty()) return;
    const Leniency leniency(interval.start, interval.end, interval.step.raised, phys_.pages(), model_.physical_bits());
    for (unsigned at = 0; at < kPageSize && memory_.size() < kMostDifferences; at += 4) {
        u32 first = 0, second = 0;
        std::memcpy(&first, wanted + at, 4);
        std::memcpy(&second, is + at, 4);
        if (first != second && !leniency.allows(page + at, first, second))
            memory_.push_back({page + at, first, second});
    }
}

/// Both go on from what the checked engine has made.
void LockstepVcpu::settle(const Interval& interval) {
    for (std::size_t n = 0; n < interval.pages.size(); ++n) {
        base_->put(interval.pages[n], &interval.contents[n * kPageSize]);
        base_->accept(interval.pages[n]);
    }
    for (const Gpa page : written_)
        if (!std::binary_search(interval.pages.begin(), interval.pages.end(), page)) base_->put(page, base_->was(page));
}

std::string LockstepVcpu::statistics() const {
    return fmt::format("lock-step         {} intervals compared, {} not because memory was written from outside\n",
                       intervals_, skipped_) +
           reference_.statistics() + checked_->statistics();
}

}  // namespace twin86
