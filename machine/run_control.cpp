// The vCPU's thread, and how others stop, reset and end it. Everything here but vcpu_thread() runs with the lock held.
#include <unistd.h>

#include "machine/initrd_damage.h"
#include "machine/machine.h"

namespace twin86 {

void Machine::vcpu_thread() {
    {
        const std::scoped_lock held(lock_);
        vcpu_thread_id_ = ::gettid();
        changed_.notify_all();
    }
    RunExit last = RunExit::kInterrupted;
    while (wait_to_run(last)) last = vcpu_->run();
}

/// Between two runs. False: the machine ends.
bool Machine::wait_to_run(RunExit last) {
    std::unique_lock held(lock_);
    executing_ = false;
    handle_exit(last);
    changed_.notify_all();
    while (!quitting_ && !can_execute()) changed_.wait(held);
    if (quitting_) return false;
    if (nmi_requested_) vcpu_->set_nmi_pending();
    nmi_requested_ = false;
    halted_ = false;
    executing_ = true;
    absence_.take();  // waiting here was no absence
    return true;
}

void Machine::handle_exit(RunExit exit) {
    switch (exit) {
        case RunExit::kInterrupted:
            break;
        case RunExit::kHalted:
            halted_ = true;
            break;
        case RunExit::kShutdown:
            log_.write(kLogInt, "triple fault");
            guest_reset();
            break;
        case RunExit::kFatal:
            failure_ = vcpu_->failure();
            vcpu_->dump_history();
            finish(1);
            break;
    }
}

bool Machine::can_execute() {
    if (holds_ != 0) return false;
    if (reset_requested_) reset_now();
    if (run_state_ != RunState::kRunning) return false;
    device_work_.run();
    if (reset_requested_) reset_now();
    return !halted_ || nmi_requested_ || vcpu_->wakes();
}

/// Translations start empty. So does RAM for a kernel: nothing of the previous run leaks into the next, and the host
/// gets its memory back. Firmware finds RAM as it was: a reset may be how a program comes back from protected mode.
void Machine::reset_now() {
    reset_requested_ = nmi_requested_ = halted_ = false;
    if (!has_firmware()) clear_ram();
    Status status = make_vcpu();
    if (status) status = boot(ResetKind::kWarm);
    if (status) return;
    failure_ = status.failure().message;
    finish(1);
}

void Machine::clear_ram() {
    ram_.clear();
    phys_->written(0, phys_->low_size());
    phys_->written(PhysMap::kHighRamBase, phys_->high_size());
}

/// From any thread, without the lock. The vCPU's thread may be about to wait and miss the notification; the main thread
/// holds the lock when it repeats it.
void Machine::device_work_came() {
    {
        const std::scoped_lock replacing(vcpu_replaced_);
        if (vcpu_) vcpu_->request_exit();
    }
    changed_.notify_all();
    loop_.wake();
}

/// Something changed that the vCPU must look at, wherever it is.
void Machine::interrupt_vcpu() {
    vcpu_->request_exit();
    changed_.notify_all();
}

void Machine::finish(int status) {
    if (!quitting_) exit_status_ = status;
    quitting_ = true;
    interrupt_vcpu();
    loop_.wake();
}

/// Port 0xcf9, the keyboard controller, port 0x92, a triple fault: all of them reset the whole machine.
void Machine::guest_reset() {
    if (options_.no_reboot) return end_instead_of_reset();
    reset_requested_ = true;
    if (run_state_ == RunState::kShutdown) run_state_ = RunState::kPaused;  // a resume() may follow at once
    interrupt_vcpu();
}

/// A kernel that cannot unpack its initial RAM disk panics and restarts: the user hears of it when the file is why.
void Machine::end_instead_of_reset() {
    const std::string damage = options_.kernel.empty() ? "" : initrd_damage(options_.initrd);
    if (damage.empty()) return guest_power_off();
    failure_ = "the guest restarted; its initrd is damaged: " + damage;
    finish(1);
}

void Machine::request_reset() {
    guest_reset();
}

void Machine::guest_power_off() {
    if (!options_.no_shutdown) return finish(0);
    run_state_ = RunState::kShutdown;
    clock_.stop();
    interrupt_vcpu();
}

void Machine::hold_vcpu() {
    ++holds_;
    if (!executing_) return;
    interrupt_vcpu();
    std::unique_lock held(lock_, std::adopt_lock);
    changed_.wait(held, [this] { return !executing_; });
    held.release();
}

void Machine::release_vcpu() {
    if (--holds_ == 0) changed_.notify_all();
}

void Machine::pause() {
    if (run_state_ != RunState::kRunning) return;
    run_state_ = RunState::kPaused;
    hold_vcpu();
    release_vcpu();
    clock_.stop();
    host_timer_for_ = TimerQueue::kNever;  // times of the host mean something else when it goes on
    host_timer_.set(HostTimer::kNever);
}

void Machine::resume() {
    if (run_state_ != RunState::kPaused) return;
    run_state_ = RunState::kRunning;
    clock_.resume();
    announce_deadline();
    if (clock_.follows_host_tsc()) board_->lapic().tsc_changed();
    changed_.notify_all();
    loop_.wake();
}

}  // namespace twin86
