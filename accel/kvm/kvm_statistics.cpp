#include <algorithm>

#include "accel/kvm/kvm_vcpu.h"

namespace twin86::kvm {

namespace {

const char* reason_name(u32 reason) {
    switch (reason) {
        case KVM_EXIT_IO:
            return "port";
        case KVM_EXIT_MMIO:
            return "mmio";
        case KVM_EXIT_HLT:
            return "hlt";
        case KVM_EXIT_IRQ_WINDOW_OPEN:
            return "interrupt-window";
        case KVM_EXIT_SHUTDOWN:
            return "shutdown";
        case KVM_EXIT_INTERNAL_ERROR:
            return "internal-error";
        case KVM_EXIT_X86_RDMSR:
            return "rdmsr";
        case KVM_EXIT_X86_WRMSR:
            return "wrmsr";
        case KVM_EXIT_INTR:
            return "signal";
        case KVM_EXIT_IOAPIC_EOI:
            return "eoi";
        case KVM_EXIT_SET_TPR:
            return "tpr";
        case KVM_EXIT_FAIL_ENTRY:
            return "fail-entry";
        default:
            return "other";
    }
}

}  // namespace

std::string KvmVcpu::statistics() const {
    std::string out = fmt::format("kvm runs          {}, {:.3f} s inside the guest\nkvm exits        ", counters_.runs,
                                  static_cast<double>(counters_.guest_ns) / 1e9);
    for (const auto& [reason, count] : counters_.reasons) out += fmt::format(" {} {}", reason_name(reason), count);
    out += fmt::format("\nkvm events        {} interrupts, {} kicks\n", counters_.interrupts, counters_.kicks);
    out += fmt::format("kvm late writes   {}, from {} zones\n", counters_.late_writes, slots_.zones());
    out += fmt::format("kvm state         {} fetches, {} stores\n", counters_.fetches, counters_.stores);
    out += fmt::format("kvm memory        {} slots, {} updates, {} zaps\n", slots_.count(), slots_.updates(),
                       slots_.zaps());
    return out;
}

void KvmVcpu::dump_history() const {
    log_.always("kvm: last exit {} ({}), {} runs", reason_name(run_.exit_reason), run_.exit_reason, counters_.runs);
}

}  // namespace twin86::kvm
