#include "accel/lockstep/logged_environment.h"

#include <fmt/core.h>

#include <utility>

#include "cpu/semantics/msr_index.h"

namespace twin86 {

void LoggedEnvironment::record(bool with_interrupt, std::function<void()> wrote) {
    log_.clear();
    mode_ = Mode::kRecord;
    with_interrupt_ = with_interrupt;
    wrote_ = std::move(wrote);
    (void)machine_.read_apic_msr(kMsrApicBase, apic_base_);
    tsc_bias_ = machine_.tsc_bias();
    tpr_ = machine_.read_tpr();
}

void LoggedEnvironment::replay(std::size_t from) {
    mode_ = Mode::kReplay;
    position_ = from;
    difference_.clear();
}

void LoggedEnvironment::take_constants(const LoggedEnvironment& from) {
    apic_base_ = from.apic_base_;
    tsc_bias_ = from.tsc_bias_;
    tpr_ = from.tpr_;
}

/// The log's next entry, if that is what is asked for.
const DeviceAccess* LoggedEnvironment::next(const DeviceAccess& access) {
    const DeviceAccess* const e = position_ < log_.size() ? &log_[position_] : nullptr;
    const bool same = e != nullptr && e->kind == access.kind && e->address == access.address;
    if (same) ++position_;
    if (same || !difference_.empty()) return same ? e : nullptr;
    difference_ = fmt::format("{}; the other one: {}", text_of(access), e != nullptr ? text_of(*e) : "nothing");
    return nullptr;
}

u64 LoggedEnvironment::read(DeviceAccess access, const std::function<u64()>& real) {
    if (mode_ == Mode::kReplay) {
        const DeviceAccess* const e = next(access);
        if (e != nullptr && e->size != access.size && difference_.empty())
            difference_ = fmt::format("{}; the other one: {}", text_of(access), text_of(*e));
        return e != nullptr ? e->value : 0;
    }
    access.value = real();
    if (mode_ == Mode::kRecord) log_.push_back(access);
    return access.value;
}

void LoggedEnvironment::write(const DeviceAccess& access, const std::function<void()>& real) {
    if (mode_ == Mode::kReplay) {
        const DeviceAccess* const e = next(access);
        if (e != nullptr && (e->size != access.size || e->value != access.value) && difference_.empty())
            difference_ = fmt::format("{}; the other one: {}", text_of(access), text_of(*e));
        return;
    }
    real();
    if (mode_ != Mode::kRecord) return;
    log_.push_back(access);
    wrote_();
}

u32 LoggedEnvironment::port_read(IoPort port, unsigned size) {
    return static_cast<u32>(read({Kind::kPortRead, port, size}, [&] { return u64{machine_.port_read(port, size)}; }));
}

void LoggedEnvironment::port_write(IoPort port, unsigned size, u32 value) {
    write({Kind::kPortWrite, port, size, value}, [&] { machine_.port_write(port, size, value); });
}

u64 LoggedEnvironment::mmio_read(Gpa address, unsigned size) {
    return read({Kind::kMmioRead, address, size}, [&] { return machine_.mmio_read(address, size); });
}

void LoggedEnvironment::mmio_write(Gpa address, unsigned size, u64 value) {
    write({Kind::kMmioWrite, address, size, value}, [&] { machine_.mmio_write(address, size, value); });
}

bool LoggedEnvironment::interrupt_pending() const {
    switch (mode_) {
        case Mode::kPass:
            return machine_.interrupt_pending();
        case Mode::kRecord:
            return with_interrupt_;
        case Mode::kReplay:
            break;
    }
    return position_ < log_.size() && log_[position_].kind == Kind::kAcknowledge;
}

int LoggedEnvironment::acknowledge_interrupt() {
    with_interrupt_ = false;
    return static_cast<int>(
        read({Kind::kAcknowledge}, [&] { return static_cast<u64>(i64{machine_.acknowledge_interrupt()}); }));
}

/// Engines read it at any time for themselves, so this is not logged; who writes it hears what was written.
u8 LoggedEnvironment::read_tpr() {
    return mode_ == Mode::kReplay ? tpr_ : machine_.read_tpr();
}

void LoggedEnvironment::write_tpr(u8 cr8) {
    if (mode_ == Mode::kReplay) tpr_ = cr8;
    write({Kind::kWriteTpr, 0, 0, cr8}, [&] { machine_.write_tpr(cr8); });
}

/// The base address is not logged either.
bool LoggedEnvironment::read_apic_msr(u32 index, u64& value) {
    if (index == kMsrApicBase && mode_ == Mode::kReplay) return value = apic_base_, true;
    if (index == kMsrApicBase) return machine_.read_apic_msr(index, value);
    // Whether it exists travels as an entry of its own.
    bool exists = false;
    value = read({Kind::kReadApicMsr, index}, [&] {
        u64 got = 0;
        exists = machine_.read_apic_msr(index, got);
        return got;
    });
    return read({Kind::kReadApicMsr, index, 1}, [&] { return u64{exists}; }) != 0;
}

bool LoggedEnvironment::write_apic_msr(u32 index, u64 value) {
    bool done = false;
    write({Kind::kWriteApicMsr, index, 0, value}, [&] { done = machine_.write_apic_msr(index, value); });
    return read({Kind::kWriteApicMsr, index, 1}, [&] { return u64{done}; }) != 0;
}

/// FERR# is derived from the processor's state.
void LoggedEnvironment::set_x87_error(bool pending) {
    if (mode_ != Mode::kReplay) machine_.set_x87_error(pending);
}

bool LoggedEnvironment::ignores_x87_errors() {
    return read({Kind::kReadIgnne}, [&] { return u64{machine_.ignores_x87_errors()}; }) != 0;
}

u64 LoggedEnvironment::read_tsc() {
    return read({Kind::kReadTsc}, [&] { return machine_.read_tsc(); });
}

}  // namespace twin86
