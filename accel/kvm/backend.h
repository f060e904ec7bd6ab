// Backend: what stands behind /dev/kvm, found out by running a few instructions (some milliseconds).
//
// With VT-x or SVM the guest runs natively on nested page tables. There are also hosts, themselves virtual machines
// without nested virtualization, whose KVM runs ring 3 natively on shadow page tables and everything else in the
// kernel's instruction emulator.
#pragma once

#include "accel/kvm/kvm_vm.h"

namespace twin86::kvm {

struct Backend {
    u64 ring0_ps_per_insn = 0;   ///< picoseconds for an instruction of a loop in ring 0
    u64 exit_ns = 0;             ///< from the guest to us and back
    bool shadow_paging = false;  ///< translations outlive a change of the guest's page tables by others
    bool tsc_offset = false;     ///< RDTSC in ring 3 shows the guest's TSC, not the host's
    bool has_second = false;     ///< not measured: another engine takes what this one does not
    bool split = false;          ///< not measured: local APICs are to be the kernel's
    bool late_writes = false;    ///< not measured: writes may be collected where PhysMap allows it

    /// An emulator needs hundreds of nanoseconds for what a processor does in less than one.
    bool native_ring0() const { return ring0_ps_per_insn < 50'000; }
};

/// Creates a virtual machine of its own and runs it.
Result<Backend> probe_backend();

}  // namespace twin86::kvm
