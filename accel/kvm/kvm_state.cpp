#include "accel/kvm/kvm_state.h"

#include <cstring>
#include <iterator>

#include "cpu/semantics/xsave_layout.h"
#include "cpu/state/fault.h"

namespace twin86::kvm {

namespace {

kvm_segment to_kvm(const Segment& s) {
    kvm_segment k{};
    k.base = s.base;
    k.limit = s.limit;
    k.selector = s.selector;
    k.type = s.attributes & 0xf;
    k.s = s.attributes >> 4 & 1;
    k.dpl = s.attributes >> 5 & 3;
    k.present = s.attributes >> 7 & 1;
    k.avl = s.attributes >> 12 & 1;
    k.l = s.attributes >> 13 & 1;
    k.db = s.attributes >> 14 & 1;
    k.g = s.attributes >> 15 & 1;
    k.unusable = !k.present;
    return k;
}

Segment from_kvm(const kvm_segment& k) {
    Segment s;
    s.base = k.base;
    s.limit = k.limit;
    s.selector = k.selector;
    const unsigned present = k.present && !k.unusable;
    s.attributes = static_cast<u16>((k.type & 0xf) | k.s << 4 | (k.dpl & 3) << 5 | present << 7 | k.avl << 12 |
                                    k.l << 13 | k.db << 14 | k.g << 15);
    return s;
}

kvm_dtable to_kvm(const DescriptorTable& t) {
    kvm_dtable k{};
    k.base = t.base;
    k.limit = t.limit;
    return k;
}

DescriptorTable from_kvm(const kvm_dtable& k) {
    return {k.base, k.limit};
}

constexpr unsigned kXmmBytes = 16 * 16;

/// Kernels take MXCSR from an area only where XSTATE_BV says that SSE is in use; here it always counts.
void put_sse_in_use(u8* area) {
    u64 components;
    std::memcpy(&components, area + kXsaveXstateBv, sizeof components);
    if ((components & kXfeatureSse) == 0) std::memset(area + kXsaveXmm0, 0, kXmmBytes);
    components |= kXfeatureSse;
    std::memcpy(area + kXsaveXstateBv, &components, sizeof components);
}

/// INT3 and INTO are executed again: their delivery is no state of its own.
bool from_an_instruction(unsigned vector) {
    return vector == kVectorBP || vector == kVectorOF;
}

}  // namespace

kvm_regs to_kvm_regs(const CpuState& s) {
    kvm_regs r{};
    r.rax = s.gpr[kRax], r.rbx = s.gpr[kRbx], r.rcx = s.gpr[kRcx], r.rdx = s.gpr[kRdx];
    r.rsi = s.gpr[kRsi], r.rdi = s.gpr[kRdi], r.rsp = s.gpr[kRsp], r.rbp = s.gpr[kRbp];
    r.r8 = s.gpr[kR8], r.r9 = s.gpr[kR9], r.r10 = s.gpr[kR10], r.r11 = s.gpr[kR11];
    r.r12 = s.gpr[kR12], r.r13 = s.gpr[kR13], r.r14 = s.gpr[kR14], r.r15 = s.gpr[kR15];
    r.rip = s.rip;
    r.rflags = s.rflags;
    return r;
}

void from_kvm_regs(const kvm_regs& r, CpuState& s) {
    s.gpr[kRax] = r.rax, s.gpr[kRbx] = r.rbx, s.gpr[kRcx] = r.rcx, s.gpr[kRdx] = r.rdx;
    s.gpr[kRsi] = r.rsi, s.gpr[kRdi] = r.rdi, s.gpr[kRsp] = r.rsp, s.gpr[kRbp] = r.rbp;
    s.gpr[kR8] = r.r8, s.gpr[kR9] = r.r9, s.gpr[kR10] = r.r10, s.gpr[kR11] = r.r11;
    s.gpr[kR12] = r.r12, s.gpr[kR13] = r.r13, s.gpr[kR14] = r.r14, s.gpr[kR15] = r.r15;
    s.rip = r.rip;
    s.rflags = r.rflags;
}

kvm_sregs to_kvm_sregs(const CpuState& s, u64 apic_base, u8 cr8) {
    kvm_sregs r{};
    r.es = to_kvm(s.segment[kEs]), r.cs = to_kvm(s.segment[kCs]), r.ss = to_kvm(s.segment[kSs]);
    r.ds = to_kvm(s.segment[kDs]), r.fs = to_kvm(s.segment[kFs]), r.gs = to_kvm(s.segment[kGs]);
    r.tr = to_kvm(s.tr), r.ldt = to_kvm(s.ldtr);
    r.gdt = to_kvm(s.gdtr), r.idt = to_kvm(s.idtr);
    r.cr0 = s.cr0, r.cr2 = s.cr2, r.cr3 = s.cr3, r.cr4 = s.cr4, r.cr8 = cr8;
    r.efer = s.efer;
    r.apic_base = apic_base;
    return r;
}

void from_kvm_sregs(const kvm_sregs& r, CpuState& s) {
    s.segment[kEs] = from_kvm(r.es), s.segment[kCs] = from_kvm(r.cs), s.segment[kSs] = from_kvm(r.ss);
    s.segment[kDs] = from_kvm(r.ds), s.segment[kFs] = from_kvm(r.fs), s.segment[kGs] = from_kvm(r.gs);
    s.tr = from_kvm(r.tr), s.ldtr = from_kvm(r.ldt);
    s.gdtr = from_kvm(r.gdt), s.idtr = from_kvm(r.idt);
    s.cr0 = r.cr0, s.cr2 = r.cr2, s.cr3 = r.cr3, s.cr4 = r.cr4;
    s.efer = r.efer;
}

kvm_debugregs to_kvm_debugregs(const CpuState& s) {
    kvm_debugregs r{};
    for (unsigned n = 0; n < 4; ++n) r.db[n] = s.dr[n];
    r.dr6 = s.dr[6] | s.pending_db, r.dr7 = s.dr[7];
    return r;
}

void from_kvm_debugregs(const kvm_debugregs& r, CpuState& s) {
    for (unsigned n = 0; n < 4; ++n) s.dr[n] = r.db[n];
    s.dr[6] = r.dr6, s.dr[7] = r.dr7;
    s.pending_db = 0;  // what there was of it KVM has in DR6 and as an exception
}

kvm_vcpu_events to_kvm_events(const CpuState& s) {
    using Kind = PendingEvent::Kind;
    kvm_vcpu_events e{};
    e.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
    if (s.pending_db != 0 && s.pending.kind == Kind::kNone) {
        e.exception.injected = 1;
        e.exception.nr = kVectorDB;
    }
    if (s.pending.kind == Kind::kException) {
        e.exception.injected = 1;
        e.exception.nr = s.pending.vector;
        e.exception.has_error_code = s.pending.has_error_code;
        e.exception.error_code = s.pending.error_code;
    }
    if (s.pending.kind == Kind::kExternal) {
        e.interrupt.injected = 1;
        e.interrupt.nr = s.pending.vector;
    }
    e.nmi.injected = s.pending.kind == Kind::kNmi;
    e.nmi.pending = s.nmi_pending;
    e.nmi.masked = s.nmi_blocked;
    e.interrupt.shadow = s.shadow == kShadowSti     ? KVM_X86_SHADOW_INT_STI
                         : s.shadow == kShadowMovSs ? KVM_X86_SHADOW_INT_MOV_SS
                                                    : 0;
    return e;
}

void from_kvm_events(const kvm_vcpu_events& e, CpuState& s) {
    using Kind = PendingEvent::Kind;
    s.nmi_pending = e.nmi.pending != 0;
    s.nmi_blocked = e.nmi.masked != 0;
    s.shadow = e.interrupt.shadow & KVM_X86_SHADOW_INT_MOV_SS ? kShadowMovSs
               : e.interrupt.shadow & KVM_X86_SHADOW_INT_STI  ? kShadowSti
                                                              : kShadowNone;
    s.pending = {};
    if (e.exception.injected && !from_an_instruction(e.exception.nr))
        s.pending = {Kind::kException, e.exception.nr, e.exception.has_error_code != 0, e.exception.error_code};
    else if (e.nmi.injected)
        s.pending = {Kind::kNmi, kVectorNMI, false, 0};
    else if (e.interrupt.injected && !e.interrupt.soft)
        s.pending = {Kind::kExternal, e.interrupt.nr, false, 0};
}

kvm_xcrs to_kvm_xcrs(const CpuState& s) {
    kvm_xcrs x{};
    x.nr_xcrs = 1;
    x.xcrs[0].value = s.xcr0;
    return x;
}

void from_kvm_xcrs(const kvm_xcrs& x, CpuState& s) {
    for (unsigned n = 0; n < x.nr_xcrs && n < std::size(x.xcrs); ++n)
        if (x.xcrs[n].xcr == 0) s.xcr0 = x.xcrs[n].value;
}

kvm_xsave to_kvm_xsave(const CpuState& s) {
    static_assert(kXsaveAreaSize <= sizeof(kvm_xsave));
    kvm_xsave x{};
    u8* const area = reinterpret_cast<u8*>(x.region);
    std::memcpy(area, s.xsave, kXsaveAreaSize);
    std::memset(area + kXsaveXcompBv, 0, 8);
    put_sse_in_use(area);
    return x;
}

void from_kvm_xsave(const kvm_xsave& x, CpuState& s) {
    std::memcpy(s.xsave, x.region, kXsaveAreaSize);
    u64 components;
    std::memcpy(&components, s.xsave + kXsaveXstateBv, sizeof components);
    components &= kXcr0Supported;
    std::memcpy(s.xsave + kXsaveXstateBv, &components, sizeof components);
}

namespace {

/// MSR numbers, SDM vol. 4, 2.1, and where their values are.
struct StateMsr {
    u32 index;
    u64 CpuState::*field;
};
constexpr StateMsr kStateMsrs[kStateMsrCount] = {
    {0x174, &CpuState::sysenter_cs}, {0x175, &CpuState::sysenter_esp},        {0x176, &CpuState::sysenter_eip},
    {0xc0000081, &CpuState::star},   {0xc0000082, &CpuState::lstar},          {0xc0000083, &CpuState::cstar},
    {0xc0000084, &CpuState::sfmask}, {0xc0000102, &CpuState::kernel_gs_base}, {0xc0000103, &CpuState::tsc_aux},
};

}  // namespace

StateMsrs to_kvm_msrs(const CpuState& s) {
    StateMsrs m{};
    m.count = kStateMsrCount;
    for (unsigned n = 0; n < kStateMsrCount; ++n) {
        m.entries[n].index = kStateMsrs[n].index;
        m.entries[n].data = s.*kStateMsrs[n].field;
    }
    return m;
}

void from_kvm_msrs(const StateMsrs& m, CpuState& s) {
    for (unsigned n = 0; n < kStateMsrCount; ++n) s.*kStateMsrs[n].field = m.entries[n].data;
}

}  // namespace twin86::kvm
