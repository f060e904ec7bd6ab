#include "accel/kvm/kvm_vm.h"

#include <sys/ioctl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "accel/kvm/kvm_requests.h"

namespace twin86::kvm {

namespace {

int negative_errno(int result) {
    return result < 0 ? -errno : result;
}

/// MSRs that KVM may read and write by itself: those that belong to instructions which run natively. All others are
/// our processor model's (accel/kvm/kvm_msrs.cpp). SDM vol. 4, 2.1; AMD64 APM vol. 2, appendix A.
struct NativeMsrs {
    u32 first, count;
};
constexpr NativeMsrs kNativeMsrs[] = {
    {0x174, 3},       // SYSENTER_CS, _ESP, _EIP
    {0xc0000081, 4},  // STAR, LSTAR, CSTAR, SFMASK
    {0xc0000100, 4},  // FS_BASE, GS_BASE, KERNEL_GS_BASE, TSC_AUX
};
/// The same with local APICs in the kernel. MSRs of the x2APIC are never filtered.
constexpr NativeMsrs kApicMsrs[] = {{0x1b, 1}, {0x6e0, 1}};  // APIC_BASE, TSC_DEADLINE

constexpr u32 kIoApicPins = 24;

Error creation_error(int cause) {
    if (cause == ENOMEM)
        return error("KVM cannot create a virtual machine: out of memory (a smaller -m, or a higher 'ulimit -l')");
    if (cause == EBUSY) return error("KVM cannot create a virtual machine: another hypervisor uses the processor");
    return error("KVM cannot create a virtual machine: {}", std::strerror(cause));
}

}  // namespace

// ---- VcpuHandle ----------------------------------------------------------------------------------------------------

Result<VcpuHandle> VcpuHandle::create(int vm, unsigned id, u64 run_bytes) {
    UniqueFd fd(::ioctl(vm, KVM_CREATE_VCPU, id));
    if (!fd) return error("KVM cannot create a processor: {}", std::strerror(errno));
    void* const run = ::mmap(nullptr, run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (run == MAP_FAILED) return error("KVM: cannot map a processor's page: {}", std::strerror(errno));
    return VcpuHandle(std::move(fd), static_cast<kvm_run*>(run), run_bytes);
}

VcpuHandle::VcpuHandle(VcpuHandle&& other) noexcept
    : has_model(other.has_model), fd_(std::move(other.fd_)), run_(std::exchange(other.run_, nullptr)), bytes_(other.bytes_) {}

VcpuHandle& VcpuHandle::operator=(VcpuHandle&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(run_, other.run_);
    std::swap(bytes_, other.bytes_);
    std::swap(has_model, other.has_model);
    return *this;
}

VcpuHandle::~VcpuHandle() {
    if (run_ != nullptr) ::munmap(run_, bytes_);
}

int VcpuHandle::call(unsigned long request, void* argument) const {
    return negative_errno(::ioctl(fd_.get(), request, argument));
}

// ---- KvmVm ---------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<KvmVm>> KvmVm::create(KvmSystem system, bool split) {
    int raw;
    do {
        raw = ::ioctl(system.fd(), KVM_CREATE_VM, 0);
    } while (raw < 0 && errno == EINTR);
    UniqueFd fd(raw);
    if (!fd) return creation_error(errno);
    std::unique_ptr<KvmVm> vm(new KvmVm(std::move(system), std::move(fd), split));
    if (const Status s = vm->configure(); !s) return s.failure();
    return vm;
}

Status KvmVm::configure() {
    if (split_)
        if (const Status s = split_irqchip(); !s) return s;
    // Real-mode guests on processors without unrestricted guest mode need three pages for a TSS and one for page
    // tables, where nothing of a PC lies (api.rst, KVM_SET_TSS_ADDR, KVM_SET_IDENTITY_MAP_ADDR).
    u64 identity_map = 0xfeffc000;
    (void)::ioctl(fd_.get(), KVM_SET_IDENTITY_MAP_ADDR, &identity_map);
    (void)::ioctl(fd_.get(), KVM_SET_TSS_ADDR, identity_map + kPageSize);
    kvm_enable_cap cap{};
    cap.cap = KVM_CAP_X86_USER_SPACE_MSR;
    cap.args[0] = KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_FILTER;
    if (::ioctl(fd_.get(), KVM_ENABLE_CAP, &cap) != 0) return error("KVM: no MSR exits: {}", std::strerror(errno));
    cap = {};
    cap.cap = KVM_CAP_EXIT_ON_EMULATION_FAILURE;
    cap.args[0] = 1;
    reports_emulation_failures_ = ::ioctl(fd_.get(), KVM_ENABLE_CAP, &cap) == 0;
    cap = {};
    cap.cap = KVM_CAP_X86_TRIPLE_FAULT_EVENT;
    cap.args[0] = 1;
    tells_triple_faults_ = ::ioctl(fd_.get(), KVM_ENABLE_CAP, &cap) == 0;
    shares_registers_ = (system_.check(KVM_CAP_SYNC_REGS) & KVM_SYNC_X86_VALID_FIELDS) == KVM_SYNC_X86_VALID_FIELDS;
    return set_msr_filter();
}

Status KvmVm::split_irqchip() {
    kvm_enable_cap cap{};
    cap.cap = KVM_CAP_SPLIT_IRQCHIP;
    cap.args[0] = kIoApicPins;
    if (::ioctl(fd_.get(), KVM_ENABLE_CAP, &cap) == 0) return {};
    return error("kernel-irqchip=split: this kernel's KVM has no local APIC alone (Linux 4.4): {}; use kernel-irqchip=off",
                 std::strerror(errno));
}

Status KvmVm::set_msr_filter() {
    kvm_msr_filter filter{};
    filter.flags = KVM_MSR_FILTER_DEFAULT_DENY;
    u8 allowed = 0xff;
    unsigned n = 0;
    for (const NativeMsrs& m : kNativeMsrs)
        filter.ranges[n++] = {KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE, m.count, m.first, &allowed};
    for (const NativeMsrs& m : kApicMsrs)
        if (split_) filter.ranges[n++] = {KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE, m.count, m.first, &allowed};
    if (::ioctl(fd_.get(), KVM_X86_SET_MSR_FILTER, &filter) != 0)
        return error("KVM: no MSR filter: {}", std::strerror(errno));
    return {};
}

int KvmVm::set_slot(u32 slot, Gpa base, u64 size, Hva host, u32 flags) {
    kvm_userspace_memory_region region{slot, flags, base, size, reinterpret_cast<u64>(host)};
    return negative_errno(::ioctl(fd_.get(), KVM_SET_USER_MEMORY_REGION, &region));
}

int KvmVm::set_coalesced(Gpa base, u64 size, bool on) {
    kvm_coalesced_mmio_zone zone{};
    zone.addr = base;
    zone.size = static_cast<u32>(size);
    const unsigned long request = on ? KVM_REGISTER_COALESCED_MMIO : KVM_UNREGISTER_COALESCED_MMIO;
    return negative_errno(::ioctl(fd_.get(), request, &zone));
}

int KvmVm::set_event_fd(const Doorbell& d, bool on) {
    kvm_ioeventfd request{};
    request.addr = d.address, request.len = d.size, request.fd = d.event_fd;
    request.datamatch = d.value.value_or(0);
    request.flags = (on ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN) | (d.port ? KVM_IOEVENTFD_FLAG_PIO : 0) |
                    (d.value ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0);
    return negative_errno(::ioctl(fd_.get(), KVM_IOEVENTFD, &request));
}

int KvmVm::get_dirty_log(u32 slot, u64* bitmap) {
    kvm_dirty_log log{};
    log.slot = slot;
    log.dirty_bitmap = bitmap;
    return negative_errno(::ioctl(fd_.get(), KVM_GET_DIRTY_LOG, &log));
}

bool KvmVm::signal_msi(u64 address, u32 data) {
    kvm_msi msi{};
    msi.address_lo = static_cast<u32>(address), msi.address_hi = static_cast<u32>(address >> 32);
    msi.data = data;
    return ::ioctl(fd_.get(), KVM_SIGNAL_MSI, &msi) > 0;
}

void KvmVm::set_pins(std::span<const Msi> pins) {
    struct {
        u32 count = 0, flags = 0;
        kvm_irq_routing_entry entries[kIoApicPins]{};
    } routing;
    for (u32 pin = 0; pin < pins.size() && pin < kIoApicPins; ++pin) {
        if (pins[pin].address == 0) continue;
        kvm_irq_routing_entry& e = routing.entries[routing.count++];
        e.gsi = pin, e.type = KVM_IRQ_ROUTING_MSI;
        e.u.msi.address_lo = static_cast<u32>(pins[pin].address), e.u.msi.data = pins[pin].data;
    }
    (void)::ioctl(fd_.get(), kSetGsiRouting, &routing);
}

/// The first processor shows what a local APIC is like after a reset; one that was used before is made so again.
Status KvmVm::reset_lapic(const VcpuHandle& vcpu) {
    if (!split_) return {};
    int r = 0;
    if (lapic_at_reset_)
        r = vcpu.call(KVM_SET_LAPIC, &*lapic_at_reset_);
    else
        r = vcpu.call(KVM_GET_LAPIC, &lapic_at_reset_.emplace());
    return r < 0 ? Status(error("KVM: no local APIC: {}", std::strerror(-r))) : Status();
}

Result<VcpuHandle> KvmVm::new_vcpu() {
    if (parked_.empty()) return VcpuHandle::create(fd_.get(), next_vcpu_++, system_.run_bytes());
    VcpuHandle last = std::move(parked_.back());
    parked_.pop_back();
    return last;
}

Result<VcpuHandle> KvmVm::take_vcpu() {
    auto vcpu = new_vcpu();
    if (!vcpu) return vcpu.failure();
    if (const Status s = reset_lapic(*vcpu); !s) return s.failure();
    return vcpu;
}

}  // namespace twin86::kvm
