// Local APICs in the kernel (kernel-irqchip=split): messages, EOIs, the timer, the PIC, resets.
#include "tests/unit/accel_kvm/kvm_guest.h"

namespace twin86::test {

namespace {

constexpr Gva kCode = 0x400000, kStackTop = 0x802000, kApic = 0x500000;
constexpr Gpa kApicBase = 0xfee00000;
constexpr u8 kVector = 0x51;
constexpr u32 kLevel = 0xc000;  ///< of an MSI's data: level-triggered, asserted

/// A write to any port ends the run.
struct SplitEnvironment : TestEnvironment {
    using TestEnvironment::TestEnvironment;
    void port_write(IoPort, unsigned, u32) override { vcpu->request_exit(); }
    void end_of_interrupt(u8 vector) override { ended.push_back(vector); }
    Vcpu* vcpu = nullptr;
    std::vector<u8> ended;
};

/// Ring 0 with a local APIC in the kernel. Handlers: EOI, a port, HLT.
class SplitGuest {
  public:
    SplitGuest()
        : env(jit.mmio()),
          backend_(*kvm::probe_backend()),
          vm(kvm::KvmVm::create(kvm::KvmSystem::open().take(), true).take()),
          slots_(*vm, jit.phys()) {
        jit.map_new(kCode, kPageSize, kUserPage);
        jit.map_new(kStackTop - kPageSize, kPageSize, kUserPage | kWritablePage);
        jit.map(kApic, kApicBase, kPageSize, kWritablePage);
        for (const u8 vector : {kVector, u8{0x41}})  // mov [rdi+b0h], eax; out 80h, al; hlt
            jit.write(JitGuest::kSystemBase + 0x2000 + vector * 16,
                      std::vector<u8>{0x89, 0x87, 0xb0, 0, 0, 0, 0xe6, 0x80, 0xf4});
        new_vcpu();
    }
    void new_vcpu() {
        vcpu = nullptr;
        vcpu = kvm::KvmVcpu::create(*vm, slots_, jit.model(), jit.phys(), env, backend_, log_).take();
        env.vcpu = vcpu.get();
    }
    /// Runs until a port is written.
    void run(const std::vector<u8>& code) {
        jit.write(kCode, code);
        jit.start(kCode, kStackTop, false);
        jit.state().efer &= ~u64{kEferSCE};
        jit.state().gpr[kRdi] = kApic;
        vcpu->state() = jit.state();
        vcpu->state_changed();
        REQUIRE(vcpu->run() == RunExit::kInterrupted);
    }
    bool in_handler(u8 vector) {
        return vcpu->state().rip == JitGuest::kSystemBase + 0x2000 + vector * 16u + 8;
    }

    JitGuest jit;
    SplitEnvironment env;

  private:
    Log log_;
    kvm::Backend backend_;

  public:
    std::unique_ptr<kvm::KvmVm> vm;

  private:
    kvm::MemorySlots slots_;

  public:
    std::unique_ptr<kvm::KvmVcpu> vcpu;
};

/// mov dword [rdi+f0h], 1ffh (the spurious vector register: APIC enabled); out 80h, al; hlt
const std::vector<u8> kEnable = {0xc7, 0x87, 0xf0, 0, 0, 0, 0xff, 1, 0, 0, 0xe6, 0x80, 0xf4};
const std::vector<u8> kWait = {0xfb, 0xf4, 0xeb, 0xfd};  // sti; 1: hlt; jmp 1b

}  // namespace

TEST_CASE("a message wakes a processor that the kernel has halted; EOIs of level-triggered vectors come out, others do not") {
    NEED_KVM();
    SplitGuest guest;
    guest.run(kEnable);
    const Msi level{kApicBase, kVector | kLevel};
    guest.vm->set_pins(std::vector<Msi>{{}, level});
    REQUIRE(guest.vm->signal_msi(level.address, level.data));
    guest.run(kWait);
    CHECK(guest.in_handler(kVector));
    for (unsigned n = 0; n < 2; ++n) {  // hosts that emulate ring 0 tell of an EOI when they are entered next
        REQUIRE(guest.vm->signal_msi(kApicBase, 0x41));
        guest.run(kWait);
        CHECK(guest.in_handler(0x41));
        CHECK(guest.env.ended == std::vector<u8>{kVector});
    }
    CHECK_FALSE(guest.vm->signal_msi(kApicBase | 0x7000, kVector));  // for APIC 7, which is not there
}

TEST_CASE("the kernel's timer interrupts") {
    NEED_KVM();
    SplitGuest guest;
    guest.run(kEnable);
    // mov dword [rdi+320h], 51h; mov dword [rdi+380h], 1000h; sti; 1: hlt; jmp 1b
    guest.run({0xc7, 0x87, 0x20, 3, 0, 0, kVector, 0, 0, 0, 0xc7, 0x87, 0x80, 3, 0, 0, 0, 0x10, 0, 0, 0xfb, 0xf4, 0xeb, 0xfd});
    CHECK(guest.in_handler(kVector));
}

TEST_CASE("what the PIC has goes to a processor whose local APIC is the kernel's") {
    NEED_KVM();
    SplitGuest guest;
    guest.env.pending_vector = 0x41;
    guest.run(kWait);
    CHECK(guest.in_handler(0x41));
    CHECK(guest.env.pending_vector == -1);
}

TEST_CASE("a new processor has a local APIC that was reset") {
    NEED_KVM();
    SplitGuest guest;
    guest.run(kEnable);
    guest.run({0x8b, 0x87, 0xf0, 0, 0, 0, 0xe6, 0x80, 0xf4});  // mov eax, [rdi+f0h]; out 80h, al; hlt
    CHECK(guest.vcpu->state().gpr[kRax] == 0x1ff);
    REQUIRE(guest.vcpu->round_trip());
    guest.run({0x8b, 0x87, 0xf0, 0, 0, 0, 0xe6, 0x80, 0xf4});
    CHECK(guest.vcpu->state().gpr[kRax] == 0x1ff);
    guest.new_vcpu();
    guest.run({0x8b, 0x87, 0xf0, 0, 0, 0, 0xe6, 0x80, 0xf4});
    CHECK(guest.vcpu->state().gpr[kRax] == 0xff);
}

}  // namespace twin86::test
