// RDMSR and WRMSR, SDM vol. 4; APM vol. 2, appendix A. Here is what has an effect on execution or depends on CPUID;
// plain registers are in cpu/state/msr_table.
#include "cpu/semantics/handlers.h"
#include "cpu/semantics/memory.h"
#include "cpu/semantics/msr_index.h"
#include "cpu/semantics/privilege.h"
#include "cpu/semantics/timestamp.h"

namespace twin86 {
namespace {

enum class Handled { kNo, kDone, kRefused };

Handled handled(bool accepted) {
    return accepted ? Handled::kDone : Handled::kRefused;
}

bool is_apic_msr(u32 index) {
    return index == kMsrApicBase || index == kMsrTscDeadline || (index >= kMsrX2apicFirst && index <= kMsrX2apicLast);
}

/// Registers that exist only with a CPUID bit.
bool offered(const CpuTraits& traits, u32 index) {
    switch (index) {
        case kMsrTscAdjust:
            return traits.has_tsc_adjust;
        case kMsrTscAux:
            return traits.has_rdtscp;
        case kMsrXss:
            return traits.xsaves;
        case kMsrSpecCtrl:
            return traits.has_spec_ctrl;
        case kMsrPredCmd:
            return traits.has_pred_cmd;
        default:
            return true;
    }
}

bool write_efer(Cpu& cpu, u64 value) {
    CpuState& s = cpu.s;
    if (value & ~cpu.traits.efer_supported) return false;
    if ((s.cr0 & kCr0PG) && ((s.efer ^ value) & kEferLME)) return false;
    value = (value & ~u64{kEferLMA}) | (s.efer & kEferLMA);
    const u64 changed = s.efer ^ value;
    s.efer = value;
    if (changed & kEferNXE) cpu.host.flush(FlushKind::kAll, 0);
    return true;
}

bool write_base(CpuState& s, unsigned segment, u64 value) {
    if (!canonical(s, value)) return false;
    s.segment[segment].base = value;
    return true;
}

Handled write_here(Cpu& cpu, u32 index, u64 value) {
    CpuState& s = cpu.s;
    if (!offered(cpu.traits, index)) return Handled::kRefused;
    if (is_apic_msr(index)) return handled(cpu.host.write_apic_msr(index, value));
    switch (index) {
        case kMsrEfer:
            return handled(write_efer(cpu, value));
        case kMsrFsBase:
            return handled(write_base(s, kFs, value));
        case kMsrGsBase:
            return handled(write_base(s, kGs, value));
        case kMsrTsc:
            s.tsc_adjust += value - guest_tsc(cpu);  // both move by the same amount (SDM vol. 3, 17.17.3)
            return Handled::kDone;
        case kMsrTscAdjust:
            s.tsc_adjust = value;
            return Handled::kDone;
        default:
            return Handled::kNo;
    }
}

Handled read_here(Cpu& cpu, u32 index, u64& value) {
    CpuState& s = cpu.s;
    if (!offered(cpu.traits, index)) return Handled::kRefused;
    if (is_apic_msr(index)) return handled(cpu.host.read_apic_msr(index, value));
    switch (index) {
        case kMsrEfer:
            value = s.efer;
            return Handled::kDone;
        case kMsrFsBase:
            value = s.segment[kFs].base;
            return Handled::kDone;
        case kMsrGsBase:
            value = s.segment[kGs].base;
            return Handled::kDone;
        case kMsrTsc:
            value = guest_tsc(cpu);
            return Handled::kDone;
        case kMsrTscAdjust:
            value = s.tsc_adjust;
            return Handled::kDone;
        default:
            return Handled::kNo;
    }
}

/// #GP, or nothing for a register that no processor here knows under -cpu ...,ignore-msrs.
Outcome refuse(Cpu& cpu, const char* what, u32 index, Handled here) {
    cpu.host.log_unimplemented(what, index);
    const bool unknown = here == Handled::kNo && msr_name(index).empty();
    return unknown && cpu.traits.ignores_unknown_msrs ? Outcome::success() : Outcome::fault(kVectorGP, 0);
}

}  // namespace

Outcome do_rdmsr(Cpu& cpu, const Insn&) {
    CpuState& s = cpu.s;
    TRY_GUEST(require_cpl0(s));
    const u32 index = static_cast<u32>(s.gpr[kRcx]);
    u64 value = 0;
    const Handled here = read_here(cpu, index, value);
    const bool known = here == Handled::kDone || (here == Handled::kNo && rdmsr(s, index, value, cpu.traits.msr));
    if (!known) TRY_GUEST(refuse(cpu, "rdmsr", index, here));
    s.gpr[kRax] = static_cast<u32>(value);
    s.gpr[kRdx] = value >> 32;
    return Outcome::success();
}

Outcome do_wrmsr(Cpu& cpu, const Insn&) {
    CpuState& s = cpu.s;
    TRY_GUEST(require_cpl0(s));
    const u32 index = static_cast<u32>(s.gpr[kRcx]);
    const u64 value = static_cast<u32>(s.gpr[kRax]) | s.gpr[kRdx] << 32;
    const Handled here = write_here(cpu, index, value);
    const bool known = here == Handled::kDone || (here == Handled::kNo && wrmsr(s, index, value, cpu.traits.msr));
    return known ? Outcome::success() : refuse(cpu, "wrmsr", index, here);
}

}  // namespace twin86
