// What the vCPU asks of the machine while it executes, and what devices tell the vCPU.
#include "machine/machine.h"

namespace twin86 {

u32 Machine::port_read(IoPort port, unsigned size) {
    const std::scoped_lock held(lock_);
    fire_due_timers();
    const u32 value = io_.read(port, size);
    unmapped_.port(port, size);
    return value;
}

void Machine::port_write(IoPort port, unsigned size, u32 value) {
    const std::scoped_lock held(lock_);
    fire_due_timers();
    io_.write(port, size, value);
    unmapped_.port(port, size);
}

u64 Machine::mmio_read(Gpa address, unsigned size) {
    const std::scoped_lock held(lock_);
    fire_due_timers();
    const u64 value = mmio_.read(address, size);
    unmapped_.memory(address, size);
    return value;
}

void Machine::mmio_write(Gpa address, unsigned size, u64 value) {
    const std::scoped_lock held(lock_);
    fire_due_timers();
    mmio_.write(address, size, value);
    unmapped_.memory(address, size);
}

void Machine::deliver_late_writes(Vcpu& from) {
    const std::scoped_lock held(lock_);
    fire_due_timers();
    take_late_writes(from);
}

void Machine::take_late_writes(Vcpu& from) {
    for (MmioWrite w; from.next_late_write(w);) mmio_.write(w.address, w.size, w.value);
}

int Machine::acknowledge_interrupt() {
    const std::scoped_lock held(lock_);
    const int vector = board_->lapic().acknowledge();
    board_->interrupt_taken();
    return vector;
}

void Machine::end_of_interrupt(u8 vector) {
    const std::scoped_lock held(lock_);
    board_->end_of_interrupt(vector);
}

u8 Machine::read_tpr() {
    const std::scoped_lock held(lock_);
    return board_->lapic().cr8();
}

void Machine::write_tpr(u8 cr8) {
    const std::scoped_lock held(lock_);
    board_->lapic().set_cr8(cr8);
}

bool Machine::read_apic_msr(u32 index, u64& value) {
    const std::scoped_lock held(lock_);
    fire_due_timers();
    if (index == Lapic::kMsrApicBase) return value = board_->lapic().apic_base(), true;
    if (index == Lapic::kMsrTscDeadline) return value = board_->lapic().tsc_deadline(), true;
    return board_->lapic().read_msr(index, value);
}

bool Machine::write_apic_msr(u32 index, u64 value) {
    const std::scoped_lock held(lock_);
    fire_due_timers();
    if (index == Lapic::kMsrApicBase) return board_->lapic().write_apic_base(value);
    if (index == Lapic::kMsrTscDeadline) return board_->lapic().write_tsc_deadline(value), true;
    return board_->lapic().write_msr(index, value);
}

void Machine::set_x87_error(bool pending) {
    const std::scoped_lock held(lock_);
    board_->coprocessor_error().set_ferr(pending);
}

bool Machine::ignores_x87_errors() {
    const std::scoped_lock held(lock_);
    return board_->coprocessor_error().ignne();
}

u64 Machine::read_tsc() {
    const std::scoped_lock held(lock_);
    const u64 tsc = clock_.tsc();
    fire_due_timers();
    return tsc;
}

void Machine::hold_devices() {
    lock_.lock();
    clock_held_ = clock_.running();
    clock_.stop();
}

void Machine::release_devices() {
    if (clock_held_) {
        clock_.resume();
        host_timer_for_ = TimerQueue::kNever;  // times of the host mean something else now
        announce_deadline();
    }
    lock_.unlock();
}

/// Called also when the request goes away; then there is nothing to do.
void Machine::interrupt_request_changed() {
    if (!board_->lapic().has_interrupt()) return;
    vcpu_->kick();
    if (halted_) changed_.notify_all();
}

/// The vCPU's state belongs to its thread while it executes: the request waits until it comes out.
void Machine::nmi() {
    nmi_requested_ = true;
    interrupt_vcpu();
}

/// INIT without firmware behind the reset vector cannot resume anything: it starts the kernel anew.
void Machine::init() {
    guest_reset();
}

}  // namespace twin86
