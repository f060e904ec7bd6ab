// KvmVcpu: one processor run by KVM.
//
// The state has two homes: CpuState here, and KVM's. state() fetches what KVM has changed, state_changed() makes the
// next run() store it. What the guest changes without an exit is fetched; what only exits can change (most MSRs, the
// TSC's offset) lives in CpuState alone.
//
// Files: kvm_vcpu.cpp (moving state), kvm_run.cpp (the loop and events), kvm_exits.cpp (what the guest asks for),
// kvm_guard.cpp (ring 3 alone), kvm_step.cpp (one instruction).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "accel/environment.h"
#include "accel/kvm/backend.h"
#include "accel/kvm/held.h"
#include "accel/kvm/kick.h"
#include "accel/kvm/kvm_state.h"
#include "accel/kvm/memory_slots.h"
#include "accel/model_cpuid.h"
#include "accel/vcpu.h"
#include "base/log.h"
#include "cpu/semantics/cpu.h"

namespace twin86::kvm {

struct ExitCounters {
    std::map<u32, u64> reasons;  ///< by KVM_EXIT_*
    u64 runs = 0, interrupts = 0, kicks = 0, stores = 0, fetches = 0, late_writes = 0;
    u64 guest_ns = 0;  ///< inside KVM_RUN
};

class KvmVcpu : public Vcpu, private CpuHost {
  public:
    /// All outlive the processor.
    static Result<std::unique_ptr<KvmVcpu>> create(KvmVm& vm, MemorySlots& slots, const CpuModel& model, PhysMap& phys,
                                                   VcpuEnvironment& environment, const Backend& backend, Log& log);
    ~KvmVcpu() override;

    RunExit run() override;
    Step step(u64) override;
    u64 rip() override;
    void request_exit() override;
    void kick() override { kick_(); }
    CpuState& state() override;
    void state_changed() override { changed_ = stale_ = true; }
    void registers_changed() override { changed_ = true; }
    bool take_flushes() override { return std::exchange(may_have_flushed_, false); }
    bool next_late_write(MmioWrite& write) override;
    void watch_code() override { slots_.watch_code(); }
    void report_code_writes() override { slots_.report_code_writes(); }
    void set_nmi_pending() override;
    bool wakes() override;
    const std::string& failure() const override { return failure_; }
    std::string statistics() const override;
    void dump_history() const override;

    /// Gives the state to KVM and reads it back, without executing anything. False: failure() says why.
    bool round_trip();

    const ExitCounters& counters() const { return counters_; }
    /// The bytes at RIP of the instruction that run() failed at, as far as KVM gives them.
    const std::vector<u8>& failed_bytes() const { return failed_bytes_; }

  private:
    KvmVcpu(KvmVm& vm, VcpuHandle handle, MemorySlots& slots, const CpuModel& model, PhysMap& phys,
            VcpuEnvironment& environment, const Backend& backend, Log& log);

    // kvm_vcpu.cpp
    bool fetch();
    bool store();
    bool get_registers(kvm_regs& regs, kvm_sregs& sregs, kvm_vcpu_events& events);
    bool set_registers(kvm_regs& regs, kvm_sregs& sregs, kvm_vcpu_events& events);
    bool refused_shared_registers(int result);
    void guest_may_change();
    template <class T>
    bool get_unless_held(unsigned long request, T& to, Held<T>& held, const char* what);
    template <class T>
    bool set_unless_held(unsigned long request, T& from, Held<T>& held, const char* what);
    bool fetch_halt();
    bool store_halt();
    bool look_at_events();
    bool forget_translations(const kvm_sregs& sregs);
    bool complete();
    void deliver_late_writes();
    bool get(unsigned long request, void* to, const char* what);
    bool set(unsigned long request, void* from, const char* what);
    bool set_tsc_offset();
    bool fail(std::string why);

    // kvm_run.cpp
    enum class Next { kEnter, kLeave };
    bool update_memory();
    bool prepare();
    bool offer_events();
    int enter();
    void take_priority();
    Next handle(int result, RunExit& exit);
    Next handle_reason(RunExit& exit);

    // kvm_step.cpp
    bool start_stepping();
    bool may_step(Insn& insn);
    bool enter_one();
    bool finish_one();
    bool steps_by_trap_flag() const;
    bool ended_step() const;

    // kvm_guard.cpp
    bool needs_guard() const;
    bool may_be_guarded();
    bool has_event() const;
    bool breakpoints_are_missed() const;
    void leave_guard();
    bool take_back_syscall();
    void take_back_exception();
    int byte_at(Gva address) const;
    void restore_guarded(const DescriptorTable& idtr, bool exception_waits);

    // kvm_exits.cpp
    void on_port();
    void on_mmio();
    bool on_rdmsr();
    bool on_wrmsr();
    void describe_failure();
    bool read_msr(u32 index, u64& value);
    bool write_msr(u32 index, u64 value);

    // CpuHost, as far as MSRs need it: memory is KVM's.
    Outcome read_linear(Gva, void*, unsigned, bool) override { return Outcome::fault(kVectorGP, 0); }
    Outcome write_linear(Gva, const void*, unsigned, bool) override { return Outcome::fault(kVectorGP, 0); }
    Outcome probe_read(Gva, unsigned) override { return Outcome::fault(kVectorGP, 0); }
    Outcome probe_write(Gva, unsigned, bool) override { return Outcome::fault(kVectorGP, 0); }
    void flush(FlushKind, unsigned) override {}
    void flush_page(Gva, unsigned, bool) override {}
    void address_space_switched(bool) override {}
    u32 port_read(IoPort port, unsigned size) override { return env_.port_read(port, size); }
    void port_write(IoPort port, unsigned size, u32 value) override { env_.port_write(port, size, value); }
    u8 read_tpr() override { return env_.read_tpr(); }
    void write_tpr(u8 cr8) override { env_.write_tpr(cr8); }
    bool read_apic_msr(u32 index, u64& value) override { return env_.read_apic_msr(index, value); }
    bool write_apic_msr(u32 index, u64 value) override { return env_.write_apic_msr(index, value); }
    u64 read_tsc() override { return env_.read_tsc(); }
    void log_unimplemented(const char* what, u64 detail) override;

    KvmVm& vm_;
    VcpuHandle handle_;
    kvm_run& run_;
    CoalescedRing late_;
    MemorySlots& slots_;
    const CpuModel& model_;
    PhysMap& phys_;
    VcpuEnvironment& env_;
    const Backend backend_;
    Log& log_;
    ModelCpuid cpuid_;
    CpuState state_;
    Cpu cpu_;
    Kick kick_;
    std::atomic<bool> exit_requested_ = false;
    bool fetched_ = true;      ///< state_ is what KVM has, or newer
    bool changed_ = true;      ///< state_ is newer than what KVM has
    bool stale_ = true;        ///< KVM's translations are older than the guest's last flush
    bool may_have_flushed_ = true;  ///< the guest has, within KVM
    Held<kvm_debugregs> held_debug_;
    Held<kvm_xcrs> held_xcrs_;
    Held<kvm_xsave> held_xsave_;
    Held<StateMsrs> held_msrs_;
    bool sharing_ = false;     ///< registers come and go with KVM_RUN, in run_.s.regs
    bool stepping_ = false;    ///< KVM steps: see kvm_step.cpp
    bool trapping_ = false;    ///< and has TF set for it
    bool guarded_ = false;     ///< KVM has an empty IDT: see kvm_guard.cpp
    u64 guarded_flags_ = 0;    ///< RFLAGS as KVM got them then
    u64 guarded_dr6_ = 0;      ///< the same
    bool shut_down_ = false;   ///< an exception has just found the IDT empty
    bool taken_back_ = false;  ///< the state fetched last is that of a SYSCALL
    u8 last_vector_ = 0;       ///< the exception that KVM has delivered last, or failed to
    bool completing_ = false;  ///< the instruction of the last exit is finished by the next KVM_RUN
    bool ready_ = false;       ///< an interrupt may be injected now
    const bool split_;         ///< the local APIC is the kernel's: so are priority, HLT and IA32_APIC_BASE
    u64 apic_base_ = 0xfee00900;  ///< there; SDM vol. 3, 11.4.4: enabled, bootstrap processor
    u8 cr8_ = 0;               ///< as KVM last heard it
    u64 tsc_offset_ = 0;       ///< the same
    bool tsc_offset_known_ = false;
    std::string failure_;
    std::vector<u8> failed_bytes_;
    ExitCounters counters_;
};

}  // namespace twin86::kvm
