// The loop around KVM_RUN, and interrupts. With kernel-irqchip=off the local APIC is ours: KVM is offered one vector
// at a time (KVM_INTERRUPT), and asked for an exit when the guest can take it.
#include <cerrno>
#include <cstring>

#include "accel/kvm/kvm_vcpu.h"
#include "base/host_time.h"

namespace twin86::kvm {

RunExit KvmVcpu::run() {
    failure_.clear();
    if (const Status s = kick_.bind(); !s) return fail(s.failure().message), RunExit::kFatal;
    for (;;) {
        if (exit_requested_.exchange(false)) return RunExit::kInterrupted;
        if (fetched_ && state_.activity == Activity::kShutdown) return RunExit::kShutdown;
        if (!prepare()) return RunExit::kFatal;
        if (state_.activity == Activity::kHalted && !split_) {
            if (!wakes()) return RunExit::kHalted;
            state_.activity = Activity::kRunning;
        }
        RunExit exit = RunExit::kFatal;
        if (handle(enter(), exit) == Next::kLeave) return exit;
    }
}

bool KvmVcpu::update_memory() {
    if (!phys_.a20()) return fail("A20 off");  // KVM drives all address lines
    const Status s = slots_.update();
    return s || fail(s.failure().message);
}

/// Brings KVM's memory and processor up to what they are here.
bool KvmVcpu::prepare() {
    if (!update_memory()) return false;
    if (needs_guard() && !may_be_guarded()) return false;
    if (breakpoints_are_missed()) return fail("debugging");
    if (changed_ && !(complete() && store())) return false;
    return set_tsc_offset();
}

/// Injects a vector, or asks for an exit as soon as there can be one. False: the acknowledged vector was refused.
bool KvmVcpu::offer_events() {
    if (!split_) run_.cr8 = cr8_ = env_.read_tpr();
    run_.request_interrupt_window = 0;
    if (guarded_ || !env_.interrupt_pending()) return true;
    if (!ready_ || completing_) {
        run_.request_interrupt_window = 1;
        return true;
    }
    const int vector = env_.acknowledge_interrupt();
    if (vector < 0) return true;
    ++counters_.interrupts;
    log_.write(kLogInt, "interrupt {:#x}", vector);
    kvm_interrupt interrupt{static_cast<u32>(vector)};
    ready_ = false;
    if (!set(KVM_INTERRUPT, &interrupt, "an interrupt")) return false;
    if (env_.interrupt_pending()) run_.request_interrupt_window = 1;
    return true;
}

/// One KVM_RUN; its negative errno.
int KvmVcpu::enter() {
    if (!kick_.begin()) return -EAGAIN;
    if (!offer_events()) {
        kick_.end();
        return -EIO;
    }
    fetched_ = completing_ = false;
    guest_may_change();
    const u64 start = monotonic_ns();
    const int result = handle_.call(KVM_RUN, nullptr);
    counters_.guest_ns += monotonic_ns() - start;
    ++counters_.runs;
    kick_.end();
    ready_ = run_.ready_for_interrupt_injection != 0;
    deliver_late_writes();
    take_priority();
    return result;
}

/// MOV to CR8 does not always exit.
void KvmVcpu::take_priority() {
    const u8 cr8 = static_cast<u8>(run_.cr8);
    if (split_ || cr8 == cr8_) return;
    cr8_ = cr8;
    env_.write_tpr(cr8);
}

KvmVcpu::Next KvmVcpu::handle(int result, RunExit& exit) {
    if (result >= 0) return handle_reason(exit);
    if (result == -EINTR) {
        ++counters_.kicks;
        kick_.consume();
        return Next::kEnter;
    }
    if (result == -EAGAIN) return Next::kEnter;
    (void)refused_shared_registers(result);
    if (failure_.empty()) fail(fmt::format("KVM_RUN: {}", std::strerror(-result)));
    exit = RunExit::kFatal;
    return Next::kLeave;
}

KvmVcpu::Next KvmVcpu::handle_reason(RunExit& exit) {
    ++counters_.reasons[run_.exit_reason];
    switch (run_.exit_reason) {
        case KVM_EXIT_IO:
            on_port();
            return Next::kEnter;
        case KVM_EXIT_MMIO:
            on_mmio();
            return Next::kEnter;
        case KVM_EXIT_X86_RDMSR:
            return on_rdmsr() ? Next::kEnter : Next::kLeave;
        case KVM_EXIT_X86_WRMSR:
            return on_wrmsr() ? Next::kEnter : Next::kLeave;
        case KVM_EXIT_IOAPIC_EOI:
            env_.end_of_interrupt(run_.eoi.vector);
            return Next::kEnter;
        case KVM_EXIT_INTR:
        case KVM_EXIT_IRQ_WINDOW_OPEN:
        case KVM_EXIT_SET_TPR:
            return Next::kEnter;
        case KVM_EXIT_HLT:
            state_.activity = Activity::kHalted;
            return Next::kEnter;
        case KVM_EXIT_SHUTDOWN:
            if (guarded_) {
                leave_guard();
                return Next::kLeave;
            }
            log_.write(kLogInt, "triple fault");
            state().activity = Activity::kShutdown;
            exit = RunExit::kShutdown;
            return Next::kLeave;
        default:
            describe_failure();
            exit = RunExit::kFatal;
            return Next::kLeave;
    }
}

}  // namespace twin86::kvm
