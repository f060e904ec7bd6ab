#include "accel/hybrid/hybrid_vcpu.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/host_time.h"

namespace twin86 {

namespace {

constexpr u64 kLook_ns = 1'000'000, kStressLook_ns = 50'000;

Engine other(Engine e) {
    return e == Engine::kFirst ? Engine::kComplete : Engine::kFirst;
}

}  // namespace

HybridVcpu::HybridVcpu(std::unique_ptr<Vcpu> first, std::unique_ptr<Vcpu> complete, Engine start,
                       u64 stress_switch_ns, Suits suits)
    : first_(std::move(first)),
      complete_(std::move(complete)),
      active_(start),
      wanted_(start),
      stress_switch_ns_(stress_switch_ns),
      suits_(std::move(suits)),
      arrived_ns_(monotonic_ns()) {
    const auto end_stay = [this] {
        stay_over_ = true;
        nudge();
    };
    stay_alarm_.emplace(end_stay);
    if (suits_)
        watch_alarm_.emplace([this] {
            watch_due_ = true;
            nudge();
        });
    if (stress_switch_ns_ == 0) return;
    stress_stay_alarm_.emplace(thread_time_, end_stay);
    stress_alarm_.emplace(thread_time_, [this] {
        stress_due_ = true;
        nudge();
    });
}

HybridVcpu::~HybridVcpu() = default;

/// The flag first, then the engine: a processor that moves meanwhile sees one of the two.
void HybridVcpu::request_exit() {
    exit_requested_ = true;
    nudge();
}

void HybridVcpu::select(Engine which) {
    wanted_ = which;
    nudge();
}

RunExit HybridVcpu::run() {
    thread_time_.bind();
    start_alarms();
    for (;;) {
        // After a move once more: who asked for another meanwhile may have told the engine that was just left.
        while (choose()) {
        }
        if (exit_requested_.exchange(false)) return RunExit::kInterrupted;
        const RunExit exit = active().run();
        if (exit == RunExit::kFatal && active_ == Engine::kFirst)
            fall_back(first_->failure());
        else if (exit != RunExit::kInterrupted)
            return exit;
    }
}

/// What comes before the first run is no guest.
void HybridVcpu::start_alarms() {
    if (std::exchange(started_, true)) return;
    if (watch_alarm_) watch_alarm_->set(watch_ns_);
    if (stress_alarm_) stress_alarm_->set(stress_switch_ns_);
}

/// True: moved.
bool HybridVcpu::choose() {
    const bool stressed = stress_due_.exchange(false);
    if (stressed) stress();
    if (watch_due_.exchange(false)) watch();
    const Engine to = target();
    const bool moves = to != active_;
    if (moves) move_to(to);
    if (stressed) stress_alarm_->set(random_() % (2 * stress_switch_ns_));  // from now on: moves take their time
    return moves;
}

Engine HybridVcpu::target() {
    if (wanted_ == Engine::kComplete) return away_ = until_user_ = false, Engine::kComplete;
    if (until_user_ && active_ == Engine::kComplete && suits_now()) away_ = until_user_ = false;
    if (away_ && stay_over_.exchange(false)) end_stay();
    return away_ ? Engine::kComplete : Engine::kFirst;
}

/// Asked in the complete engine.
bool HybridVcpu::suits_now() const {
    return suits_(complete_->state()) && !complete_->wakes();
}

/// Not where the first engine would fail or be slow at once: the next look is soon.
void HybridVcpu::end_stay() {
    away_ = suits_ && !suits_now();
    if (away_) set_stay(stress_switch_ns_ != 0 ? kStressLook_ns : kLook_ns);
}

void HybridVcpu::set_stay(u64 ns) {
    if (stress_stay_alarm_)
        stress_stay_alarm_->set(ns);
    else
        stay_alarm_->set(ns);
}

void HybridVcpu::move_to(Engine which) {
    if (which == Engine::kFirst)
        first_->watch_code();
    else
        first_->report_code_writes();
    const bool flushed = active().take_flushes();
    engine(which).state() = active().state();
    if (std::exchange(changed_outside_, false) || flushed)
        engine(which).state_changed();
    else
        engine(which).registers_changed();
    const u64 now = monotonic_ns();
    spent_ns_[static_cast<unsigned>(active_.load())] += now - arrived_ns_;
    arrived_ns_ = now;
    arrived_work_ns_ = thread_time_.ns();
    ++switches_;
    active_ = which;
}

/// An engine that was worth its crossings and stops for an interrupt goes on right behind the handler.
void HybridVcpu::fall_back(const std::string& why) {
    ++failures_[why];
    away_ = true;
    stay_over_ = false;
    const u64 stay = stay_after(thread_time_.ns() - arrived_work_ns_);
    if (stress_switch_ns_ == 0 && stay == FallbackPolicy::kShortest_ns && suits_ && first_->wakes())
        until_user_ = complete_->return_at_user();
    if (!until_user_) set_stay(stay);
}

u64 HybridVcpu::stay_after(u64 ran_ns) {
    return stress_switch_ns_ != 0 ? random_() % stress_switch_ns_ : policy_.stay_after(ran_ns);
}

/// A first engine that is found where it is slow leaves the guest to the other for a while. Each look is an exit: they get
/// rarer while nothing is found.
void HybridVcpu::watch() {
    const bool slow = active_ == Engine::kFirst && !suits_(first_->state());
    if (slow) fall_back("slow there");
    watch_ns_ = slow ? kWatch_ns : std::min(2 * watch_ns_, kLongestWatch_ns);
    watch_alarm_->set(watch_ns_);
}

/// To the first engine mostly when it can do something there; now and then whatever comes next.
void HybridVcpu::stress() {
    wanted_ = other(wanted_);
    away_ = stay_over_ = wanted_ == Engine::kFirst && suits_ && random_() % 4 != 0;
}

std::string HybridVcpu::statistics() const {
    std::string out = fmt::format(
        "switches          {}; {:.3f} s in the first engine, {:.3f} s in the translator\n", switches_,
                                  static_cast<double>(spent_ns_[0]) / 1e9, static_cast<double>(spent_ns_[1]) / 1e9);
    std::vector<std::pair<u64, std::string>> sorted;
    for (const auto& [reason, count] : failures_) sorted.emplace_back(count, reason);
    std::sort(sorted.rbegin(), sorted.rend());
    for (const auto& [count, reason] : sorted) out += fmt::format("fallback          {} times: {}\n", count, reason);
    return out + first_->statistics() + complete_->statistics();
}

}  // namespace twin86
