#include "cpu/semantics/task_switch.h"

#include "cpu/semantics/interrupts.h"
#include "cpu/semantics/segment_load.h"
#include "cpu/semantics/stack.h"
#include "cpu/semantics/task_state.h"
#include "cpu/semantics/tss.h"

namespace twin86 {
namespace {

constexpr u64 kDr6Bt = bit(15);
constexpr u64 kDr7Local = 0x155;  // L0-L3 and LE
constexpr u64 kLoadableFlags = 0x3f7fd5;

bool nested(TaskSwitchCause cause) {
    return cause == TaskSwitchCause::kCall || cause == TaskSwitchCause::kInterrupt;
}

Outcome load_ldt(Cpu& cpu, u16 selector) {
    CpuState& s = cpu.s;
    s.ldtr = null_segment(selector);
    if (null_selector(selector)) return Outcome::success();
    const Outcome bad = Outcome::fault(kVectorTS, selector_error(selector));
    if (selector & 4) return bad;
    Descriptor d;
    TRY_GUEST(read_descriptor(cpu, selector, d, kVectorTS));
    if (!d.is_system(kLdt) || !d.present()) return bad;
    s.ldtr = make_segment(selector, d);
    return Outcome::success();
}

Outcome load_task_cs(Cpu& cpu, u16 selector) {
    const Outcome bad = Outcome::fault(kVectorTS, selector_error(selector));
    if (null_selector(selector)) return bad;
    Descriptor d;
    TRY_GUEST(read_descriptor(cpu, selector, d, kVectorTS));
    const unsigned rpl = selector & 3;
    if (!d.is_code() || (d.is_conforming_code() ? d.dpl() > rpl : d.dpl() != rpl)) return bad;
    if (!d.present()) return Outcome::fault(kVectorNP, selector_error(selector));
    TRY_GUEST(mark_accessed(cpu, selector, d));
    cpu.s.segment[kCs] = make_segment(selector, d);
    return Outcome::success();
}

/// The checks of an ordinary load with #TS in place of #GP (SDM vol. 3, table 7-1).
Outcome load_task_segment(Cpu& cpu, unsigned segment, u16 selector) {
    Outcome outcome = load_segment(cpu, segment, selector);
    if (outcome.vector == kVectorGP) outcome.vector = kVectorTS;
    return outcome;
}

Outcome load_task_segments(Cpu& cpu, const TaskState& task) {
    CpuState& s = cpu.s;
    TRY_GUEST(load_ldt(cpu, task.ldt));
    if (s.vm86()) return Outcome::success();
    TRY_GUEST(load_task_cs(cpu, task.segment[kCs]));
    TRY_GUEST(load_task_segment(cpu, kSs, task.segment[kSs]));
    for (const unsigned i : {kEs, kDs, kFs, kGs}) TRY_GUEST(load_task_segment(cpu, i, task.segment[i]));
    return s.rip <= s.segment[kCs].limit ? Outcome::success() : Outcome::fault(kVectorGP, 0);
}

/// Registers of the new task; the segments are unusable until their descriptors have been checked.
void load_registers(CpuState& s, const TaskState& task, bool nested_task) {
    s.rip = task.eip;
    s.rflags = (task.eflags & kLoadableFlags) | kFlagReserved1 | (nested_task ? u64{kFlagNT} : 0);
    for (unsigned i = 0; i < 8; ++i) s.gpr[i] = task.gpr[i];
    const unsigned cpl = task.segment[kCs] & 3;
    for (unsigned i = 0; i < 6; ++i)
        s.segment[i] = s.vm86() ? segment_vm86(task.segment[i]) : null_segment(task.segment[i], i == kSs ? cpl : 0);
}

void load_page_directory(Cpu& cpu, const TaskState& task, bool wide) {
    if (!wide || !(cpu.s.cr0 & kCr0PG)) return;
    cpu.s.cr3 = task.cr3;
    cpu.host.address_space_switched(false);
}

struct NewTask {
    u16 selector = 0;
    Descriptor descriptor;
    TaskState state;
    bool wide() const { return descriptor.type() & 8; }
};

/// Pointers of PAE paging with reserved bits are refused, as by MOV to CR3: SDM vol. 3, 4.4.1.
Outcome check_page_directory(Cpu& cpu, const NewTask& task) {
    const bool pae = task.wide() && (cpu.s.cr0 & kCr0PG) && (cpu.s.cr4 & kCr4PAE);
    return !pae || cpu.host.valid_pae_pointers(task.state.cr3) ? Outcome::success() : Outcome::fault(kVectorGP, 0);
}

/// Everything that can still fail in the old task, in the order of SDM vol. 3, 7.3, steps 3 to 11.
Outcome leave_old_task(Cpu& cpu, NewTask& task, const TaskSwitch& how) {
    CpuState& s = cpu.s;
    const u32 minimum = task.wide() ? kTss32Limit : kTss16Limit;
    if (task.descriptor.limit() < minimum) return Outcome::fault(kVectorTS, selector_error(task.selector) | how.ext);
    const Gva new_base = static_cast<u32>(task.descriptor.base());
    TRY_GUEST(read_task_state(cpu, new_base, task.wide(), task.state));
    TRY_GUEST(check_page_directory(cpu, task));
    const u64 flags = how.cause == TaskSwitchCause::kReturn ? how.flags & ~u64{kFlagNT} : how.flags;
    const SavedTask saved = encode_task(s, tss_is_32bit(s), flags);
    const Gva old_base = static_cast<u32>(s.tr.base + saved.offset);
    TRY_GUEST(cpu.host.probe_write(old_base, saved.size, true));
    if (nested(how.cause)) TRY_GUEST(cpu.host.probe_write(new_base, 2, true));
    if (!nested(how.cause)) {
        Descriptor old;
        TRY_GUEST(read_descriptor(cpu, s.tr.selector, old, kVectorTS, how.ext));
        TRY_GUEST(set_tss_busy(cpu, s.tr.selector, old, false));
    }
    if (how.cause != TaskSwitchCause::kReturn) TRY_GUEST(set_tss_busy(cpu, task.selector, task.descriptor, true));
    TRY_GUEST(cpu.host.write_linear(old_base, saved.bytes, saved.size, true));
    if (nested(how.cause)) TRY_GUEST(cpu.host.write_linear(new_base, &s.tr.selector, 2, true));
    return Outcome::success();
}

Outcome push_error_code(Cpu& cpu, bool wide, u32 code) {
    return push(cpu, code, wide ? 4 : 2);
}

Outcome enter_new_task(Cpu& cpu, const NewTask& task, const TaskSwitch& how) {
    CpuState& s = cpu.s;
    s.tr = make_segment(task.selector, task.descriptor);
    s.tr.attributes |= 2;
    s.cr0 |= kCr0TS;
    s.dr[7] &= ~kDr7Local;
    load_page_directory(cpu, task.state, task.wide());
    load_registers(s, task.state, nested(how.cause));
    TRY_GUEST(load_task_segments(cpu, task.state));
    if (how.error_code) TRY_GUEST(push_error_code(cpu, task.wide(), *how.error_code));
    return task.state.debug_trap ? Outcome::debug(kDr6Bt) : Outcome::success();
}

Outcome switch_task(Cpu& cpu, NewTask& task, const TaskSwitch& how) {
    TRY_GUEST(leave_old_task(cpu, task, how));
    if (const Outcome late = enter_new_task(cpu, task, how); late.faulted()) raise(cpu, late);
    return Outcome::success();
}

}  // namespace

Outcome switch_to_available_tss(Cpu& cpu, u16 selector, const TaskSwitch& how) {
    const u32 error = selector_error(selector) | how.ext;
    if (null_selector(selector) || (selector & 4)) return Outcome::fault(kVectorGP, error);
    NewTask task{selector, {}, {}};
    TRY_GUEST(read_descriptor(cpu, selector, task.descriptor, kVectorGP, how.ext));
    const bool available = task.descriptor.is_system(kTssAvailable) || task.descriptor.is_system(kTss16Available);
    if (!available) return Outcome::fault(kVectorGP, error);
    if (!task.descriptor.present()) return Outcome::fault(kVectorNP, error);
    return switch_task(cpu, task, how);
}

Outcome return_to_previous_task(Cpu& cpu) {
    NewTask task;
    TRY_GUEST(read_tss(cpu, 0, &task.selector, 2));
    const u32 error = selector_error(task.selector);
    if (null_selector(task.selector) || (task.selector & 4)) return Outcome::fault(kVectorTS, error);
    TRY_GUEST(read_descriptor(cpu, task.selector, task.descriptor, kVectorTS));
    const bool busy = task.descriptor.is_system(kTssBusy) || task.descriptor.is_system(kTss16Busy);
    if (!busy) return Outcome::fault(kVectorTS, error);
    if (!task.descriptor.present()) return Outcome::fault(kVectorNP, error);
    return switch_task(cpu, task, {TaskSwitchCause::kReturn, 0, cpu.s.rflags, {}});
}

}  // namespace twin86
