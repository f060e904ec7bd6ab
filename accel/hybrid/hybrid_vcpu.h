// HybridVcpu: one processor with two engines, of which one runs at a time.
//
// The first engine may fail (RunExit::kFatal); the second goes on from the same instruction, for a while. People and
// the stress option choose between them too. A move happens at an instruction boundary, between two run()s of engines,
// and takes the whole CpuState along; interrupts wait in the local APIC, which belongs to the machine.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "accel/hybrid/fallback_policy.h"
#include "accel/hybrid/work_alarm.h"
#include "accel/vcpu.h"
#include "base/alarm.h"

namespace twin86 {

/// Which of the two. kFirst is faster where it works, kComplete executes everything.
enum class Engine : u8 { kFirst, kComplete };

class HybridVcpu : public Vcpu {
  public:
    using Suits = std::function<bool(const CpuState&)>;

    /// `stress_switch_ns`: move at random moments, on average that far apart in the time of the processor's thread (a busy
    /// host must not make it do nothing but move); 0: never.
    /// `suits`: what the first engine is for, when it is slow at other things; empty: everything.
    HybridVcpu(std::unique_ptr<Vcpu> first, std::unique_ptr<Vcpu> complete, Engine start,
               u64 stress_switch_ns, Suits suits);
    ~HybridVcpu() override;

    RunExit run() override;
    void request_exit() override;
    void kick() override { active().kick(); }
    void set_timer_deadline(u64 host_tsc) override {
        first_->set_timer_deadline(host_tsc);
        complete_->set_timer_deadline(host_tsc);
    }
    CpuState& state() override { return active().state(); }
    void state_changed() override {
        active().state_changed();
        changed_outside_ = true;
    }
    bool next_late_write(MmioWrite& write) override {
        return first_->next_late_write(write) || complete_->next_late_write(write);
    }
    void set_nmi_pending() override { active().set_nmi_pending(); }
    bool wakes() override { return active().wakes(); }
    const std::string& failure() const override { return engine(active_).failure(); }
    std::string statistics() const override;
    void dump_history() const override { engine(active_).dump_history(); }

    /// From any thread: goes on in this engine from the next boundary.
    void select(Engine which);
    u64 switches() const { return switches_; }
    /// How often the first engine failed, by its reason.
    const std::map<std::string, u64>& failures() const { return failures_; }

  private:
    static constexpr u64 kWatch_ns = 10'000'000, kLongestWatch_ns = 160'000'000;

    Vcpu& engine(Engine which) const { return which == Engine::kFirst ? *first_ : *complete_; }
    Vcpu& active() const { return engine(active_); }
    void nudge() { active().request_exit(); }
    void start_alarms();
    bool choose();
    Engine target();
    bool suits_now() const;
    void end_stay();
    void set_stay(u64 ns);
    void move_to(Engine which);
    void fall_back(const std::string& why);
    u64 stay_after(u64 ran_ns);
    void watch();
    void stress();

    std::unique_ptr<Vcpu> first_, complete_;
    std::atomic<Engine> active_, wanted_;
    std::atomic<bool> exit_requested_ = false;
    bool started_ = false;
    bool changed_outside_ = false;  ///< the state, since the last move
    bool away_ = false;                    ///< the first engine is wanted but has failed
    bool until_user_ = false;              ///< away for an interrupt's handler only
    std::atomic<bool> stay_over_ = false;  ///< it may try again
    std::atomic<bool> stress_due_ = false, watch_due_ = false;
    const u64 stress_switch_ns_;
    const Suits suits_;
    std::minstd_rand random_;
    FallbackPolicy policy_;
    u64 watch_ns_ = kWatch_ns;  ///< between two looks
    u64 arrived_ns_ = 0;  ///< at the active engine
    u64 arrived_work_ns_ = 0;  ///< the same in the thread's time
    u64 switches_ = 0;
    u64 spent_ns_[2] = {};
    std::map<std::string, u64> failures_;
    ThreadTime thread_time_;
    std::optional<Alarm> stay_alarm_, watch_alarm_;  // from here on last: their threads use the rest
    std::optional<WorkAlarm> stress_alarm_, stress_stay_alarm_;
};

}  // namespace twin86
