#include "machine/entry.h"

#include <cstring>

#include "cpu/state/msr_table.h"

namespace twin86 {

namespace {

/// SDM vol. 3, 3.4.5.
Segment from_descriptor(u16 selector, u64 d) {
    Segment s;
    s.selector = selector;
    s.base = ((d >> 16) & 0xffffff) | ((d >> 32) & 0xff000000);
    s.limit = static_cast<u32>((d & 0xffff) | ((d >> 32) & 0xf0000));
    s.attributes = static_cast<u16>((d >> 40) & 0xf0ff);
    if (s.granularity()) s.limit = s.limit << 12 | 0xfff;
    return s;
}

/// x87 and SSE as after RESET, in the XSAVE image: FCW 0x37f (as FNINIT leaves it), MXCSR 0x1f80.
void reset_xsave(CpuState& state) {
    std::memset(state.xsave, 0, sizeof state.xsave);
    const u16 fcw = 0x37f;
    const u32 mxcsr = 0x1f80;
    const u64 components = 3;
    std::memcpy(state.xsave, &fcw, sizeof fcw);
    std::memcpy(state.xsave + 24, &mxcsr, sizeof mxcsr);
    std::memcpy(state.xsave + 512, &components, sizeof components);
}

}  // namespace

void reset_processor(CpuState& state) {
    state = CpuState{};
    reset_xsave(state);
    reset_plain_msrs(state);
    for (Segment& s : state.segment) s = {.base = 0, .limit = 0xffff, .selector = 0, .attributes = 0x93};
    state.segment[kCs] = {.base = 0xffff0000, .limit = 0xffff, .selector = 0xf000, .attributes = 0x9b};
    state.ldtr = {.base = 0, .limit = 0xffff, .selector = 0, .attributes = 0x82};
    state.tr = {.base = 0, .limit = 0xffff, .selector = 0, .attributes = 0x8b};
    state.gdtr = {0, 0xffff};
    state.idtr = {0, 0xffff};
    state.cr0 = kCr0CD | kCr0NW | kCr0ET;
    state.rip = 0xfff0;
    state.rflags = kFlagReserved1;
    state.dr[6] = 0xffff0ff0;
    state.dr[7] = 0x400;
}

void enter_plan(CpuState& state, const BootPlan& plan) {
    reset_processor(state);
    for (Segment& s : state.segment) s = from_descriptor(plan.data.selector, plan.data.descriptor);
    state.segment[kCs] = from_descriptor(plan.code.selector, plan.code.descriptor);
    state.tr = from_descriptor(plan.task.selector, plan.task.descriptor);
    state.gdtr = {plan.gdt_base, plan.gdt_limit};
    state.idtr = {plan.idt_base, plan.idt_limit};
    state.cr0 = plan.cr0;
    state.cr3 = plan.cr3;
    state.cr4 = plan.cr4;
    state.efer = plan.efer;
    state.rip = plan.rip;
    state.rflags = plan.rflags | kFlagReserved1;
    for (unsigned g = 0; g < 16; ++g) state.gpr[g] = plan.gpr[g];
    state.mtrr_def_type = 0xc06;  // enabled, write-back: what firmware leaves behind and Linux relies on for PAT
}

}  // namespace twin86
