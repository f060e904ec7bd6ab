// Our processor state as KVM's structures and back: pure functions, no system calls.
//
// Each pair is the other's inverse for what a processor can hold; tests/unit/accel_kvm goes round with random states.
// SDM vol. 3, 3.4.5 (segments); Documentation/virt/kvm/api.rst (structures).
#pragma once

#include <linux/kvm.h>

#include "cpu/state/cpu_state.h"

namespace twin86::kvm {

kvm_regs to_kvm_regs(const CpuState& state);
void from_kvm_regs(const kvm_regs& regs, CpuState& state);

/// `apic_base` is the MSR, `cr8` the task priority: the machine's local APIC owns both.
kvm_sregs to_kvm_sregs(const CpuState& state, u64 apic_base, u8 cr8);
void from_kvm_sregs(const kvm_sregs& sregs, CpuState& state);

kvm_debugregs to_kvm_debugregs(const CpuState& state);
void from_kvm_debugregs(const kvm_debugregs& regs, CpuState& state);

/// Pending and injected events, NMI masking, the STI and MOV SS shadow.
kvm_vcpu_events to_kvm_events(const CpuState& state);
void from_kvm_events(const kvm_vcpu_events& events, CpuState& state);

kvm_xcrs to_kvm_xcrs(const CpuState& state);
void from_kvm_xcrs(const kvm_xcrs& xcrs, CpuState& state);

kvm_xsave to_kvm_xsave(const CpuState& state);
void from_kvm_xsave(const kvm_xsave& xsave, CpuState& state);

/// The MSRs that guests change without an exit (kNativeMsrs of kvm_vm.cpp), but for FS and GS base, which are in sregs.
constexpr unsigned kStateMsrCount = 9;
/// The layout of struct kvm_msrs, which ends in an array of any size.
struct StateMsrs {
    u32 count = 0, pad = 0;
    kvm_msr_entry entries[kStateMsrCount];
};
StateMsrs to_kvm_msrs(const CpuState& state);
void from_kvm_msrs(const StateMsrs& msrs, CpuState& state);

}  // namespace twin86::kvm
