// What the guest asks for by an exit: ports, device memory, MSRs; and exits that KVM cannot go on from.
#include <algorithm>
#include <cstring>

#include "accel/kvm/kvm_vcpu.h"
#include "cpu/decode/disassemble.h"
#include "cpu/semantics/handlers.h"
#include "cpu/semantics/msr_index.h"
#include "cpu/semantics/timestamp.h"
#include "base/bits.h"

namespace twin86::kvm {

/// String instructions come as `count` accesses of one port.
void KvmVcpu::on_port() {
    const auto& io = run_.io;
    u8* at = reinterpret_cast<u8*>(&run_) + io.data_offset;
    for (u32 n = 0; n < io.count; ++n, at += io.size) {
        u32 value = 0;
        if (io.direction == KVM_EXIT_IO_OUT) {
            std::memcpy(&value, at, io.size);
            log_.write(kLogIo, "out {:#06x}.{} <- {:#x}", io.port, io.size, value);
            env_.port_write(io.port, io.size, value);
        } else {
            value = env_.port_read(io.port, io.size);
            log_.write(kLogIo, "in  {:#06x}.{} -> {:#x}", io.port, io.size, value);
            std::memcpy(at, &value, io.size);
        }
    }
    completing_ = true;
}

/// Also writes to ROM, which are dropped, and to flash.
void KvmVcpu::on_mmio() {
    auto& mmio = run_.mmio;
    completing_ = true;
    const u64 page = phys_.pages().entry(mmio.phys_addr);
    if (!page_is_mmio(page) && !(mmio.is_write && page_writes_trap(page))) {
        u64 value = 0;
        std::memcpy(&value, mmio.data, std::min<u32>(mmio.len, 8));
        if (mmio.is_write) return phys_.write(mmio.phys_addr, mmio.len, value);
        value = phys_.read(mmio.phys_addr, mmio.len);
        std::memcpy(mmio.data, &value, sizeof value);
        return;
    }
    for (unsigned done = 0; done < mmio.len;) {
        const Gpa address = mmio.phys_addr + done;
        const unsigned n = widest_aligned(address, mmio.len - done);
        u64 value = 0;
        if (mmio.is_write) {
            std::memcpy(&value, mmio.data + done, n);
            env_.mmio_write(address, n, value);
        } else {
            value = env_.mmio_read(address, n);
            std::memcpy(mmio.data + done, &value, n);
        }
        done += n;
    }
}

namespace {

bool is_apic_msr(u32 index) {
    return index == kMsrApicBase || index == kMsrTscDeadline || (index >= kMsrX2apicFirst && index <= kMsrX2apicLast);
}

}  // namespace

/// By the slow path, which needs the registers of before the instruction.
bool KvmVcpu::read_msr(u32 index, u64& value) {
    if (is_apic_msr(index)) return env_.read_apic_msr(index, value);
    state_.gpr[kRcx] = index;
    if (do_rdmsr(cpu_, {}).faulted()) return false;
    value = static_cast<u32>(state_.gpr[kRax]) | state_.gpr[kRdx] << 32;
    return true;
}

bool KvmVcpu::write_msr(u32 index, u64 value) {
    if (is_apic_msr(index)) return env_.write_apic_msr(index, value);
    state_.gpr[kRcx] = index;
    state_.gpr[kRax] = static_cast<u32>(value);
    state_.gpr[kRdx] = value >> 32;
    return !do_wrmsr(cpu_, {}).faulted();
}

/// KVM has checked the privilege level.
bool KvmVcpu::on_rdmsr() {
    if (!is_apic_msr(run_.msr.index) && !fetch()) return false;
    u64 value = 0;
    run_.msr.error = !read_msr(run_.msr.index, value);
    run_.msr.data = value;
    completing_ = true;
    fetched_ = false;
    return true;
}

/// EFER is KVM's as well: it gets the new value after the instruction.
bool KvmVcpu::on_wrmsr() {
    const u32 index = run_.msr.index;
    if (!is_apic_msr(index) && !fetch()) return false;
    const u64 old_efer = state_.efer;
    const bool refused = !write_msr(index, run_.msr.data);
    const u64 efer = state_.efer;
    run_.msr.error = refused;
    completing_ = true;
    fetched_ = false;
    if (index != kMsrEfer || efer == old_efer) return true;
    if (!complete() || !fetch()) return false;
    state_.efer = efer;
    changed_ = true;
    return true;
}

void KvmVcpu::log_unimplemented(const char* what, u64 detail) {
    log_.write(kLogUnimp, "{} {:#x} at {:#x}", what, detail, state_.rip);
}

namespace {

/// The first word that is no prefix.
std::string mnemonic(std::string text) {
    for (const char* prefix : {"lock ", "rep ", "repe ", "repne ", "data16 "})
        if (text.starts_with(prefix)) return mnemonic(text.substr(std::strlen(prefix)));
    return text.substr(0, text.find(' '));
}

const char* error_name(u32 suberror) {
    switch (suberror) {
        case KVM_INTERNAL_ERROR_EMULATION:
            return "an instruction that KVM does not emulate";
        case KVM_INTERNAL_ERROR_SIMUL_EX:
            return "two exceptions at once";
        case KVM_INTERNAL_ERROR_DELIVERY_EV:
            return "an exit while an event was delivered";
        case KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON:
            return "an unexpected exit of the processor";
        default:
            return "an unknown internal error";
    }
}

}  // namespace

/// Fills failure_ and failed_bytes_ from an exit that KVM cannot continue.
void KvmVcpu::describe_failure() {
    failed_bytes_.clear();
    if (run_.exit_reason == KVM_EXIT_FAIL_ENTRY) {
        fail(fmt::format("the processor refuses the guest's state (reason {:#x})",
                         u64{run_.fail_entry.hardware_entry_failure_reason}));
        return;
    }
    if (run_.exit_reason != KVM_EXIT_INTERNAL_ERROR) {
        fail(fmt::format("KVM exit {} is not known here", run_.exit_reason));
        return;
    }
    fail(fmt::format("KVM: {}", error_name(run_.internal.suberror)));
    if (run_.internal.suberror != KVM_INTERNAL_ERROR_EMULATION) return;
    const auto& e = run_.emulation_failure;
    if (e.ndata >= 3 && (e.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) != 0)
        failed_bytes_.assign(e.insn_bytes, e.insn_bytes + std::min<u32>(e.insn_size, sizeof e.insn_bytes));
    CpuState& s = state();
    if (!failed_bytes_.empty()) {
        const unsigned bits = s.mode64() ? 64 : s.segment[kCs].default_big() ? 32 : 16;
        fail("KVM does not emulate " + mnemonic(disassemble_one(failed_bytes_, s.rip, bits).text));
    }
    // Without KVM_CAP_EXIT_ON_EMULATION_FAILURE KVM has raised #UD as well: it is the next engine's to decide.
    if (s.pending.kind == PendingEvent::Kind::kException && s.pending.vector == kVectorUD) s.pending = {};
    changed_ = true;
}

}  // namespace twin86::kvm
