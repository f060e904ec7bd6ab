#include "accel/kvm/backend.h"

#include <cerrno>
#include <cstring>

#include "accel/kvm/kvm_requests.h"
#include "accel/kvm/kvm_state.h"
#include "base/host_time.h"
#include "mmu/guest_ram.h"

namespace twin86::kvm {

namespace {

constexpr Gpa kPml4 = 0x1000, kPdpt = 0x2000, kPd = 0x3000, kPt = 0x4000, kCode = 0x5000, kPageA = 0x6000,
              kPageB = 0x7000;
constexpr Gva kWindow = 0x8000;   ///< shows page A, later page B
constexpr Gva kNothing = 0x9000;  ///< behind the memory
constexpr u64 kRamBytes = 0x10000;
constexpr u64 kEntry = 7;  ///< present, writable, user

/// Every program ends in an exit and begins again. Ring 3 leaves by a store to no memory: not every backend honours
/// IOPL.
constexpr u8 kLoop[] = {0xb9, 0xf4, 0x01, 0,   0,  // mov ecx, 500
                        0xff, 0xc9,                // 1: dec ecx
                        0x75, 0xfc,                // jnz 1b
                        0xe6, 0x80, 0xeb, 0xf3};
constexpr u64 kLoopInsns = 1002;
constexpr u8 kPeek[] = {0x8a, 0x04, 0x25, 0, 0x80, 0, 0,  // mov al, [kWindow]
                        0x88, 0x04, 0x25, 0, 0x90, 0, 0,  // mov [kNothing], al
                        0xeb, 0xf0};
constexpr u8 kReadTsc[] = {0x0f, 0x31, 0x88, 0x04, 0x25, 0, 0x90, 0, 0, 0xeb, 0xf5};

Segment flat(u16 selector, u16 attributes) {
    return {0, 0xffffffff, selector, attributes};
}

/// 64-bit mode with flat segments.
CpuState start_state(unsigned ring) {
    CpuState s;
    const u16 dpl = static_cast<u16>(ring << 5);
    s.segment[kCs] = flat(static_cast<u16>(8 | ring), static_cast<u16>(0xa09b | dpl));
    for (const unsigned n : {kSs, kDs, kEs, kFs, kGs})
        s.segment[n] = flat(static_cast<u16>(16 | ring), static_cast<u16>(0xc093 | dpl));
    s.tr = {0, 0x67, 24, 0x8b};
    s.cr0 = kCr0PE | kCr0NE | kCr0ET | kCr0WP | kCr0PG;
    s.cr3 = kPml4;
    s.cr4 = kCr4PAE;
    s.efer = kEferLME | kEferLMA;
    s.rip = kCode;
    s.rflags = kFlagReserved1;
    s.dr[6] = 0xffff0ff0, s.dr[7] = 0x400;
    return s;
}

class Probe {
  public:
    Probe(VcpuHandle vcpu, GuestRam& ram) : vcpu_(std::move(vcpu)), ram_(ram) {}

    Result<Backend> run() {
        build_tables();
        Backend b;
        if (!(measure_ring0(b) && measure_ring3(b) && look_at_tsc(b)))
            return error("KVM does not run a small test program: {}", failure_);
        return b;
    }

  private:
    void entry(Gpa table, u64 index, u64 value) { std::memcpy(ram_.base() + table + index * 8, &value, 8); }

    void build_tables() {
        entry(kPml4, 0, kPdpt | kEntry);
        entry(kPdpt, 0, kPd | kEntry);
        entry(kPd, 0, kPt | kEntry);
        for (u64 page = 1; page < 8; ++page) entry(kPt, page, page << 12 | kEntry);
        entry(kPt, kWindow >> 12, kPageA | kEntry);
        entry(kPt, kNothing >> 12, kRamBytes | kEntry);
        ram_.base()[kPageA] = 0xaa;
        ram_.base()[kPageB] = 0xbb;
    }

    template <std::size_t N>
    bool start(const u8 (&program)[N], unsigned ring) {
        std::memcpy(ram_.base() + kCode, program, N);
        const CpuState s = start_state(ring);
        kvm_regs regs = to_kvm_regs(s);
        return set_sregs(s) && call(KVM_SET_REGS, &regs) && until_exit();
    }

    /// By way of another CR4, so that the translation caches of a processor with nested paging are dropped.
    bool set_sregs(const CpuState& s) {
        kvm_sregs sregs = to_kvm_sregs(s, 0xfee00900, 0);
        sregs.cr4 ^= kCr4PGE;
        if (!call(KVM_SET_SREGS, &sregs)) return false;
        sregs.cr4 ^= kCr4PGE;
        return call(KVM_SET_SREGS, &sregs);
    }

    bool until_exit() {
        if (!call(KVM_RUN, nullptr)) return false;
        const u32 reason = vcpu_.run().exit_reason;
        if (reason == KVM_EXIT_IO || reason == KVM_EXIT_MMIO) return true;
        failure_ = fmt::format("exit {}", reason);
        return false;
    }

    bool call(unsigned long request, void* argument) {
        int r;
        do {
            r = vcpu_.call(request, argument);
        } while (r == -EINTR);
        if (r < 0) failure_ = std::strerror(-r);
        return r >= 0;
    }

    /// The second time round: the first has filled page tables.
    bool measure_ring0(Backend& b) {
        if (!start(kLoop, 0)) return false;
        const u64 before = monotonic_ns();
        if (!until_exit()) return false;
        b.ring0_ps_per_insn = (monotonic_ns() - before) * 1000 / kLoopInsns;
        return true;
    }

    bool measure_ring3(Backend& b) {
        if (!start(kPeek, 3)) return false;
        constexpr unsigned kTimes = 8;
        const u64 before = monotonic_ns();
        for (unsigned n = 0; n < kTimes; ++n)
            if (!until_exit()) return false;
        b.exit_ns = (monotonic_ns() - before) / kTimes;
        entry(kPt, kWindow >> 12, kPageB | kEntry);
        if (!set_sregs(start_state(3)) || !until_exit()) return false;
        b.shadow_paging = vcpu_.run().mmio.data[0] != 0xbb;
        return true;
    }

    /// A guest that starts at 0 must not see the host's counter.
    bool look_at_tsc(Backend& b) {
        const u64 host = __builtin_ia32_rdtsc();
        u64 offset = 0 - host;
        kvm_device_attr attribute{};
        attribute.group = KVM_VCPU_TSC_CTRL;
        attribute.attr = KVM_VCPU_TSC_OFFSET;
        attribute.addr = reinterpret_cast<u64>(&offset);
        if (vcpu_.call(KVM_SET_DEVICE_ATTR, &attribute) < 0) {
            StateMsrs msr{};
            msr.count = 1;
            msr.entries[0].index = 0x10;
            if (!call(kSetMsrs, &msr)) return false;
        }
        kvm_regs regs{};
        if (!start(kReadTsc, 3) || !call(KVM_GET_REGS, &regs)) return false;
        b.tsc_offset = (static_cast<u32>(regs.rax) | regs.rdx << 32) < host / 2;
        return true;
    }

    VcpuHandle vcpu_;
    GuestRam& ram_;
    std::string failure_;
};

}  // namespace

Result<Backend> probe_backend() {
    auto system = KvmSystem::open();
    if (!system) return system.failure();
    auto vm = KvmVm::create(system.take());
    if (!vm) return vm.failure();
    auto ram = GuestRam::create(kRamBytes);
    if (!ram) return ram.failure();
    auto vcpu = (*vm)->take_vcpu();
    if (!vcpu) return vcpu.failure();
    if (const int r = (*vm)->set_slot(0, 0, kRamBytes, ram->base(), 0); r < 0)
        return error("KVM refuses memory: {}", std::strerror(-r));
    return Probe(vcpu.take(), *ram).run();
}

}  // namespace twin86::kvm
