#include "cpu/semantics/stack.h"

#include "base/check.h"
#include "cpu/semantics/memory.h"

namespace twin86 {

u64 stack_mask(const CpuState& s) {
    if (s.mode64()) return ~u64{0};
    return s.segment[kSs].default_big() ? 0xffffffff : 0xffff;
}

void set_stack_pointer(CpuState& s, u64 value) {
    const u64 mask = stack_mask(s);
    if (mask == 0xffff)
        write_gpr(s, kRsp, 16, value);
    else
        s.gpr[kRsp] = value & mask;
}

Outcome push(Cpu& cpu, u64 value, unsigned bytes) {
    const u64 offset = (cpu.s.gpr[kRsp] - bytes) & stack_mask(cpu.s);
    TRY_GUEST(write_segment(cpu, kSs, offset, &value, bytes));
    set_stack_pointer(cpu.s, offset);
    return Outcome::success();
}

PushFrame::Stack current_stack(const CpuState& s) {
    return {s.segment[kSs], s.gpr[kRsp], stack_mask(s), s.mode64(), false, 0};
}

void PushFrame::push(u64 value) {
    CHECK(count_ < kMaxSlots);
    values_[count_++] = truncate(value, slot_);
}

u64 PushFrame::pointer() const {
    return (stack_.rsp - u64{count_} * slot_) & stack_.mask;
}

Gva PushFrame::linear_of(unsigned index) const {
    const u64 offset = offset_of(index);
    return stack_.flat64 ? offset : static_cast<u32>(stack_.ss.base + offset);
}

Outcome PushFrame::check(unsigned index) const {
    const Outcome fault = Outcome::fault(kVectorSS, stack_.fault_code);
    const u64 offset = offset_of(index), last = offset + slot_ - 1;
    if (stack_.flat64) return canonical(cpu_.s, offset) && canonical(cpu_.s, last) ? Outcome::success() : fault;
    const Segment& ss = stack_.ss;
    const bool typed = cpu_.s.protected_mode() && !cpu_.s.vm86();
    if (typed && (ss.unusable() || ss.is_code() || !ss.writable_or_readable())) return fault;
    if (ss.code_or_data() && !ss.is_code() && ss.conforming_or_expand_down())
        return offset > ss.limit && last <= (ss.default_big() ? 0xffffffff : 0xffff) ? Outcome::success() : fault;
    return last <= ss.limit ? Outcome::success() : fault;
}

/// The usual case: all slots in one page, one write that succeeds or fails as a whole.
Outcome PushFrame::store_contiguous(bool& done) {
    const Gva lowest = linear_of(count_ - 1);
    const Gva end = lowest + u64{count_} * slot_;
    done = linear_of(0) + slot_ == end && (lowest & kPageMask) == ((end - 1) & kPageMask);
    if (!done) return Outcome::success();
    u8 image[kMaxSlots * 8];
    for (unsigned i = 0; i < count_; ++i)
        for (unsigned b = 0; b < slot_; ++b)
            image[(count_ - 1 - i) * slot_ + b] = static_cast<u8>(values_[i] >> (8 * b));
    return cpu_.host.write_linear(lowest, image, count_ * slot_, stack_.supervisor);
}

Outcome PushFrame::probe_in_order() {
    for (unsigned i = 0; i < count_; ++i) {
        TRY_GUEST(check(i));
        TRY_GUEST(cpu_.host.probe_write(linear_of(i), slot_, stack_.supervisor));
    }
    return Outcome::success();
}

Outcome PushFrame::store() {
    if (count_ == 0) return Outcome::success();
    for (unsigned i = 0; i < count_; ++i) TRY_GUEST(check(i));
    // The first push is at the highest address: when it faults, that is the address to report.
    TRY_GUEST(cpu_.host.probe_write(linear_of(0), slot_, stack_.supervisor));
    bool done = false;
    TRY_GUEST(store_contiguous(done));
    if (done) return Outcome::success();
    for (unsigned i = 0; i < count_; ++i) TRY_GUEST(cpu_.host.probe_write(linear_of(i), slot_, stack_.supervisor));
    for (unsigned i = 0; i < count_; ++i)
        TRY_GUEST(cpu_.host.write_linear(linear_of(i), &values_[i], slot_, stack_.supervisor));
    return Outcome::success();
}

Outcome PopFrame::pop(u64& value) {
    value = 0;
    const u64 offset = (cpu_.s.gpr[kRsp] + consumed_) & stack_mask(cpu_.s);
    TRY_GUEST(read_segment(cpu_, kSs, offset, &value, slot_));
    consumed_ += slot_;
    return Outcome::success();
}

u64 PopFrame::pointer() const {
    return (cpu_.s.gpr[kRsp] + consumed_) & stack_mask(cpu_.s);
}

void PopFrame::commit() {
    set_stack_pointer(cpu_.s, pointer());
}

}  // namespace twin86
