// The processor model as KVM's CPUID table, and the part of it that KVM can provide.
#pragma once

#include <linux/kvm.h>

#include "accel/kvm/backend.h"
#include "accel/kvm/kvm_system.h"
#include "cpu/state/cpuid_model.h"

namespace twin86::kvm {

constexpr unsigned kMaxCpuidEntries = 256;

/// The layout of struct kvm_cpuid2, which ends in an array of any size.
struct CpuidTable {
    u32 count = 0, pad = 0;
    kvm_cpuid_entry2 entries[kMaxCpuidEntries];
};

/// For KVM_SET_CPUID2. What depends on CR4 and XCR0 KVM keeps up to date by itself.
CpuidTable cpuid_table(const CpuModel& model);

/// Gives the processor the model's table, unless it has one: KVM refuses a change after the first run, and a machine keeps its
/// model.
Status set_cpuid(VcpuHandle& vcpu, const CpuModel& model);

/// The features that a processor of KVM can have, and those that the machine adds by itself. On hardware that is what
/// KVM_GET_SUPPORTED_CPUID says. Where ring 0 is emulated, ring 3 runs natively and sees the host's CPUID whatever is
/// set: everything but what the emulator denies to kernels.
FeatureSet available_features(const KvmSystem& system, const Backend& backend);

}  // namespace twin86::kvm
