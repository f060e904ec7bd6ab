#include "accel/kvm/kvm_vcpu.h"

#include <cerrno>
#include <cstring>

#include "accel/kvm/kvm_cpuid.h"
#include "accel/kvm/kvm_requests.h"
#include "accel/kvm/kvm_state.h"
#include "cpu/semantics/msr_index.h"

namespace twin86::kvm {

Result<std::unique_ptr<KvmVcpu>> KvmVcpu::create(KvmVm& vm, MemorySlots& slots, const CpuModel& model, PhysMap& phys,
                                                 VcpuEnvironment& environment, const Backend& backend, Log& log) {
    auto handle = vm.take_vcpu();
    if (!handle) return handle.failure();
    std::unique_ptr<KvmVcpu> vcpu(new KvmVcpu(vm, handle.take(), slots, model, phys, environment, backend, log));
    if (const Status s = set_cpuid(vcpu->handle_, model); !s) return s.failure();
    return vcpu;
}

KvmVcpu::KvmVcpu(KvmVm& vm, VcpuHandle handle, MemorySlots& slots, const CpuModel& model, PhysMap& phys,
                 VcpuEnvironment& environment, const Backend& backend, Log& log)
    : vm_(vm),
      handle_(std::move(handle)),
      run_(handle_.run()),
      late_(vm, handle_),
      slots_(slots),
      model_(model),
      phys_(phys),
      env_(environment),
      backend_(backend),
      log_(log),
      cpuid_(model),
      cpu_(state_, *this, cpuid_),
      kick_(handle_),
      split_(vm.split()) {}

KvmVcpu::~KvmVcpu() {
    // A port or MMIO access that KVM waits for must not be finished by the next user.
    (void)complete();
    for (MmioWrite w; late_.next(w);) {
    }
    vm_.give_back(std::move(handle_));
}

void KvmVcpu::request_exit() {
    exit_requested_ = true;
    kick_();
}

CpuState& KvmVcpu::state() {
    if (!fetched_ && complete()) (void)fetch();
    return state_;
}

bool KvmVcpu::next_late_write(MmioWrite& write) {
    const bool there = late_.next(write);
    counters_.late_writes += there;
    return there;
}

void KvmVcpu::deliver_late_writes() {
    if (!late_.empty()) env_.deliver_late_writes(*this);
}

void KvmVcpu::set_nmi_pending() {
    state().nmi_pending = true;
    changed_ = true;
}

/// run_ has what the last exit left, unless the state came from outside since.
bool KvmVcpu::wakes() {
    const bool enabled = fetched_ ? (state_.rflags & kFlagIF) != 0 : run_.if_flag != 0;
    return (fetched_ && state_.nmi_pending) || (enabled && env_.interrupt_pending());
}

bool KvmVcpu::fail(std::string why) {
    failure_ = std::move(why);
    return false;
}

bool KvmVcpu::get(unsigned long request, void* to, const char* what) {
    const int r = handle_.call(request, to);
    return r >= 0 || fail(fmt::format("KVM does not give {}: {}", what, std::strerror(-r)));
}

bool KvmVcpu::set(unsigned long request, void* from, const char* what) {
    const int r = handle_.call(request, from);
    return r >= 0 || fail(fmt::format("KVM does not take {}: {}", what, std::strerror(-r)));
}

bool KvmVcpu::round_trip() {
    return complete() && store() && (!sharing_ || look_at_events()) && fetch();
}

/// Lets KVM finish the instruction of the last exit, without executing another.
bool KvmVcpu::complete() {
    while (completing_) {
        guest_may_change();
        run_.immediate_exit = 1;
        const int r = handle_.call(KVM_RUN, nullptr);
        run_.immediate_exit = 0;
        completing_ = false;
        deliver_late_writes();
        if (r == -EINTR) break;
        if (r < 0) return fail(fmt::format("KVM_RUN: {}", std::strerror(-r)));
        // The rest of an access that has several parts.
        if (run_.exit_reason == KVM_EXIT_IO) on_port();
        if (run_.exit_reason == KVM_EXIT_MMIO) on_mmio();
    }
    return true;
}

bool KvmVcpu::fetch() {
    kvm_regs regs{};
    kvm_sregs sregs{};
    kvm_vcpu_events events{};
    kvm_debugregs debug{};
    kvm_xcrs xcrs{};
    kvm_xsave xsave{};
    StateMsrs msrs = to_kvm_msrs(state_);
    if (!get_registers(regs, sregs, events)) return false;
    if (guarded_ && events.exception.nr == kVectorDB) held_debug_.forget();
    const bool got = get_unless_held(KVM_GET_DEBUGREGS, debug, held_debug_, "debug registers") &&
                     get_unless_held(KVM_GET_XCRS, xcrs, held_xcrs_, "XCR0") &&
                     get_unless_held(kGetXsave, xsave, held_xsave_, "the XSAVE area") &&
                     get_unless_held(kGetMsrs, msrs, held_msrs_, "MSRs");
    if (!got) return false;
    if (split_ && !fetch_halt()) return false;
    if (split_) apic_base_ = sregs.apic_base, cr8_ = static_cast<u8>(sregs.cr8);
    ++counters_.fetches;
    const DescriptorTable idtr = state_.idtr;
    from_kvm_regs(regs, state_);
    from_kvm_sregs(sregs, state_);
    from_kvm_events(events, state_);
    last_vector_ = events.exception.nr;
    from_kvm_debugregs(debug, state_);
    from_kvm_xcrs(xcrs, state_);
    from_kvm_xsave(xsave, state_);
    from_kvm_msrs(msrs, state_);
    if (guarded_) restore_guarded(idtr, events.exception.injected != 0 || events.triple_fault.pending != 0);
    fetched_ = true;
    return true;
}

bool KvmVcpu::store() {
    u64 apic_base = apic_base_;
    if (!split_) {
        (void)env_.read_apic_msr(kMsrApicBase, apic_base);
        cr8_ = env_.read_tpr();
    }
    kvm_regs regs = to_kvm_regs(state_);
    kvm_sregs sregs = to_kvm_sregs(state_, apic_base, cr8_);
    guarded_ = needs_guard();
    guarded_flags_ = state_.rflags & ~u64{kFlagRF};
    guarded_dr6_ = state_.dr[6];
    sharing_ = guarded_ && !stepping_ && vm_.shares_registers();
    trapping_ = steps_by_trap_flag();
    if (trapping_) regs.rflags |= kFlagTF;
    if (guarded_) sregs.idt.limit = 0;
    kvm_vcpu_events events = to_kvm_events(state_);
    // One that an earlier guest state has left behind.
    if (vm_.tells_triple_faults()) events.flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
    kvm_debugregs debug = to_kvm_debugregs(state_);
    kvm_xcrs xcrs = to_kvm_xcrs(state_);
    kvm_xsave xsave = to_kvm_xsave(state_);
    StateMsrs msrs = to_kvm_msrs(state_);
    const bool done = (!stale_ || forget_translations(sregs)) && set_registers(regs, sregs, events) &&
                      set_unless_held(KVM_SET_XCRS, xcrs, held_xcrs_, "XCR0") &&
                      set_unless_held(kSetXsave, xsave, held_xsave_, "the XSAVE area") &&
                      set_unless_held(kSetMsrs, msrs, held_msrs_, "MSRs") &&
                      set_unless_held(KVM_SET_DEBUGREGS, debug, held_debug_, "debug registers");
    if (!done || (split_ && !store_halt())) return false;
    ++counters_.stores;
    stale_ = false;
    run_.cr8 = cr8_;
    changed_ = false;
    ready_ = (state_.rflags & kFlagIF) != 0 && state_.shadow == kShadowNone &&
             state_.pending.kind == PendingEvent::Kind::kNone && state_.pending_db == 0;
    return !split_ || look_at_events();
}

bool KvmVcpu::get_registers(kvm_regs& regs, kvm_sregs& sregs, kvm_vcpu_events& events) {
    if (sharing_) {
        regs = run_.s.regs.regs, sregs = run_.s.regs.sregs, events = run_.s.regs.events;
        return true;
    }
    return get(KVM_GET_REGS, &regs, "registers") && get(KVM_GET_SREGS, &sregs, "system registers") &&
           get(KVM_GET_VCPU_EVENTS, &events, "events");
}

/// Shared registers are refused by the next KVM_RUN, if at all.
bool KvmVcpu::set_registers(kvm_regs& regs, kvm_sregs& sregs, kvm_vcpu_events& events) {
    if (!stepping_) run_.kvm_valid_regs = sharing_ ? KVM_SYNC_X86_VALID_FIELDS : 0;
    run_.kvm_dirty_regs = sharing_ ? KVM_SYNC_X86_VALID_FIELDS : 0;
    if (sharing_) {
        run_.s.regs.regs = regs, run_.s.regs.sregs = sregs, run_.s.regs.events = events;
        return true;
    }
    return set(KVM_SET_SREGS, &sregs, "system registers") && set(KVM_SET_REGS, &regs, "registers") &&
           set(KVM_SET_VCPU_EVENTS, &events, "events");
}

/// Then nothing was executed, and the state is still the one here.
bool KvmVcpu::refused_shared_registers(int result) {
    if (result != -EINVAL || run_.kvm_dirty_regs == 0) return false;
    run_.kvm_dirty_regs = 0;
    fetched_ = changed_ = true;
    return true;
}

/// KVM is entered. 64-bit code of ring 3 cannot write MSRs, XCR0 or debug registers, nor drop translations; #DB writes DR6.
void KvmVcpu::guest_may_change() {
    held_xsave_.forget();
    if (guarded_ && !stepping_) return;
    held_debug_.forget(), held_xcrs_.forget(), held_msrs_.forget();
    may_have_flushed_ = true;
}

template <class T>
bool KvmVcpu::get_unless_held(unsigned long request, T& to, Held<T>& held, const char* what) {
    if (!held.known()) {
        if (!get(request, &to, what)) return false;
        held.hold(to);
    }
    held.copy_to(to);
    return true;
}

template <class T>
bool KvmVcpu::set_unless_held(unsigned long request, T& from, Held<T>& held, const char* what) {
    if (held.is(from)) return true;
    held.forget();
    if (!set(request, &from, what)) return false;
    held.hold(from);
    return true;
}

bool KvmVcpu::fetch_halt() {
    kvm_mp_state mp{};
    if (!get(KVM_GET_MP_STATE, &mp, "whether it is halted")) return false;
    state_.activity = mp.mp_state == KVM_MP_STATE_HALTED ? Activity::kHalted : Activity::kRunning;
    return true;
}

bool KvmVcpu::store_halt() {
    kvm_mp_state mp{};
    mp.mp_state = state_.activity == Activity::kHalted ? KVM_MP_STATE_HALTED : KVM_MP_STATE_RUNNABLE;
    return set(KVM_SET_MP_STATE, &mp, "whether it is halted");
}

/// What the local APIC lets through only KVM knows: it says so when it is entered.
bool KvmVcpu::look_at_events() {
    run_.immediate_exit = 1;
    const int r = handle_.call(KVM_RUN, nullptr);
    run_.immediate_exit = 0;
    ready_ = run_.ready_for_interrupt_injection != 0;
    return r >= 0 || r == -EINTR || fail(fmt::format("KVM_RUN: {}", std::strerror(-r)));
}

/// Others may have written page tables and flushed their own translation caches: KVM must not use what it cached.
/// Loading another CR4 first makes it drop the guest's TLB (SDM vol. 3, 4.10.4.1); shadow page tables need more.
bool KvmVcpu::forget_translations(const kvm_sregs& sregs) {
    if (backend_.shadow_paging)
        if (const Status s = slots_.zap(); !s) return fail(s.failure().message);
    kvm_sregs other = sregs;
    other.cr4 ^= kCr4PGE;
    return set(KVM_SET_SREGS, &other, "system registers");
}

/// The guest's TSC is the host's plus this.
bool KvmVcpu::set_tsc_offset() {
    const u64 offset = env_.tsc_bias() + state_.tsc_offset + state_.tsc_adjust;
    if (tsc_offset_known_ && offset == tsc_offset_) return true;
    u64 value = offset;
    kvm_device_attr attribute{};
    attribute.group = KVM_VCPU_TSC_CTRL;
    attribute.attr = KVM_VCPU_TSC_OFFSET;
    attribute.addr = reinterpret_cast<u64>(&value);
    if (handle_.call(KVM_SET_DEVICE_ATTR, &attribute) < 0) {
        // Before Linux 5.16: by the counter itself, which is as exact as this thread is undisturbed.
        StateMsrs msr{};
        msr.count = 1;
        msr.entries[0] = {kMsrTsc, 0, __builtin_ia32_rdtsc() + offset};
        if (!set(kSetMsrs, &msr, "the TSC")) return false;
    }
    tsc_offset_ = offset;
    tsc_offset_known_ = true;
    return true;
}

}  // namespace twin86::kvm
