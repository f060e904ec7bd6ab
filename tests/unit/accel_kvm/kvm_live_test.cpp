// Small guests on this host's KVM.
#include <algorithm>
#include <cstring>
#include <random>
#include <thread>

#include "accel/kvm/event_fds.h"
#include "base/event_counter.h"
#include "tests/unit/accel_kvm/kvm_guest.h"

namespace twin86::test {

namespace {

/// mov eax, 0; mov ecx, n; 1: add rax, rcx; dec ecx; jnz 1b; int3
constexpr std::initializer_list<u8> kSum = {0x31, 0xc0, 0xb9, 0xe8, 3,    0,    0,   0x48,
                                            0x01, 0xc8, 0xff, 0xc9, 0x75, 0xf9, 0xcc};

bool same_state(const CpuState& a, const CpuState& b) {
    return std::memcmp(a.gpr, b.gpr, sizeof a.gpr) == 0 && a.rip == b.rip && a.rflags == b.rflags &&
           std::memcmp(a.segment, b.segment, sizeof a.segment) == 0 && a.cr0 == b.cr0 && a.cr2 == b.cr2 &&
           a.cr3 == b.cr3 && a.cr4 == b.cr4 && a.efer == b.efer && a.xcr0 == b.xcr0 &&
           std::memcmp(a.dr, b.dr, sizeof a.dr) == 0 && a.shadow == b.shadow && a.nmi_blocked == b.nmi_blocked &&
           a.nmi_pending == b.nmi_pending && a.pending == b.pending && a.kernel_gs_base == b.kernel_gs_base &&
           a.lstar == b.lstar && a.tsc_aux == b.tsc_aux;
}

}  // namespace

TEST_CASE("ring 3 computes, and its breakpoint reaches the handler") {
    NEED_KVM();
    KvmGuest guest;
    guest.load(kSum);
    REQUIRE(guest.run(guest.start()) == RunExit::kHalted);
    CHECK(guest.vcpu().state().gpr[kRax] == 500500);
    CHECK(guest.vcpu().state().cpl() == 0);
}

TEST_CASE("ports: single and string accesses, both directions") {
    NEED_KVM();
    KvmGuest guest;
    guest.jit.environment().port_value = 0x5a;
    // mov edx, 0x1234; in al, dx; mov [rsp-8], rax; lea rsi, [rsp-8]; mov ecx, 3; cld; rep outsb; hlt
    guest.load({0x31, 0xc0, 0xba, 0x34, 0x12, 0, 0, 0xec, 0x48, 0x89, 0x44, 0x24, 0xf8, 0x48,
                0x8d, 0x74, 0x24, 0xf8, 0xb9, 3, 0, 0,    0,    0xfc, 0xf3, 0x6e, 0xf4});
    REQUIRE(guest.run(guest.start(false)) == RunExit::kHalted);
    using Access = TestEnvironment::PortAccess;
    CHECK(guest.jit.environment().ports ==
          std::vector<Access>{
              {0x1234, 1, 0x5a, false}, {0x1234, 1, 0x5a, true}, {0x1234, 1, 0, true}, {0x1234, 1, 0, true}});
}

TEST_CASE("what the translator leaves, KVM takes and gives back: 10,000 random states of a running guest") {
    NEED_KVM();
    KvmGuest guest;
    // 1: add rax, rcx; imul rcx, rax, 33; xor rdx, rcx; rol rbx, 7; cvtsi2sd xmm0, rax; addpd xmm1, xmm0; fld1; fstp
    // st0; vpaddq ymm2, ymm2, ymm1; jmp 1b
    guest.load({0x48, 0x01, 0xc8, 0x48, 0x6b, 0xc8, 0x21, 0x48, 0x31, 0xca, 0x48, 0xc1, 0xc3, 0x07, 0xf2, 0x48, 0x0f,
                0x2a, 0xc0, 0x66, 0x0f, 0x58, 0xc8, 0xd9, 0xe8, 0xdd, 0xd8, 0xc5, 0xed, 0xd4, 0xd1, 0xeb, 0xdf});
    CpuState state = guest.start();
    state.gpr[kRcx] = 12345, state.gpr[kRbx] = 0x0123456789abcdef;
    std::mt19937_64 random(3);
    for (unsigned n = 0; n < 10'000; ++n) {
        guest.jit.state() = state;
        guest.jit.vcpu().state_changed();
        std::atomic<bool> stop = false;
        // One stop in a hundred at a random moment of a long run; the others vary what programs rarely touch.
        if (n % 100 == 0) {
            std::thread later([&] {
                std::this_thread::sleep_for(std::chrono::microseconds(random() % 300));
                guest.jit.vcpu().request_exit();
            });
            REQUIRE(guest.jit.vcpu().run() == RunExit::kInterrupted);
            later.join();
            state = guest.jit.state();
        }
        for (u64& g : state.gpr) g ^= random();
        state.rflags = (random() & kFlagsArithmetic) | kFlagReserved1 | (random() & kFlagIF);
        state.lstar = random() >> 17, state.kernel_gs_base = random() >> 17, state.tsc_aux = static_cast<u32>(random());
        state.segment[kFs].base = random() >> 17, state.segment[kGs].base = random() >> 17;
        state.cr2 = random(), state.dr[0] = random() >> 17, state.dr[3] = random() >> 17;
        state.nmi_blocked = random() & 1;
        for (unsigned at = 160; at < 416; ++at) state.xsave[at] = static_cast<u8>(random());
        state.xsave[kXsaveXstateBv] |= kXfeatureSse;  // also when the stop came before the first instruction
        guest.vcpu().state() = state;
        INFO(n);
        REQUIRE(guest.vcpu().round_trip());
        REQUIRE(same_state(guest.vcpu().state(), state));
        REQUIRE(std::memcmp(guest.vcpu().state().xsave + 160, state.xsave + 160, 256) == 0);
    }
}

TEST_CASE("writes to doorbells are counted without an exit, others come out") {
    NEED_KVM();
    constexpr Gva kDevice = 0x500000;
    constexpr Gpa kBus = 0x40000000;
    KvmGuest guest;
    struct : MmioHandler {
        u64 mmio_read(u64, unsigned) override { return 0; }
        void mmio_write(u64 offset, unsigned, u64 value) override { got.push_back(offset << 8 | value); }
        std::vector<u64> got;
    } device;
    const Mapping mapping = guest.jit.mmio().map(kBus, kPageSize, device, "device");
    guest.jit.map(kDevice, kBus, kPageSize, kUserPage | kWritablePage);
    EventCounter any, one, port;
    kvm::EventFds bells(guest.vm());
    const Doorbell all[] = {{.address = kBus + 0x10, .size = 1, .event_fd = any.fd()},
                            {.address = kBus + 0x20, .size = 1, .value = 5, .event_fd = one.fd()},
                            {.port = true, .address = 0x80, .size = 1, .event_fd = port.fd()}};
    bells.set(all);
    REQUIRE(bells.count() == 3);
    // mov ecx, 100; 1: mov [rdi+0x10], cl; mov [rdi+0x20], cl; out 0x80, al; dec ecx; jnz 1b; hlt
    guest.load({0xb9, 100, 0, 0, 0, 0x88, 0x4f, 0x10, 0x88, 0x4f, 0x20, 0xe6, 0x80, 0xff, 0xc9, 0x75, 0xf4, 0xf4});
    CpuState s = guest.start(false);
    s.gpr[kRdi] = kDevice;
    REQUIRE(guest.run(s) == RunExit::kHalted);
    CHECK((any.take() == 100 && one.take() == 1 && port.take() == 100));
    CHECK(device.got.size() == 99);
    CHECK(std::count(device.got.begin(), device.got.end(), 0x2005) == 0);
    CHECK(guest.jit.environment().ports.empty());

    device.got.clear();
    bells.set({});
    REQUIRE(guest.run(s) == RunExit::kHalted);
    CHECK((any.take() == 0 && one.take() == 0 && port.take() == 0));
    CHECK((device.got.size() == 200 && guest.jit.environment().ports.size() == 100));
}

TEST_CASE("a request from another thread ends a run in ring 3") {
    NEED_KVM();
    KvmGuest guest;
    guest.load({0xff, 0xc0, 0xeb, 0xfc});  // 1: inc eax; jmp 1b
    CpuState state = guest.start();
    for (unsigned n = 0; n < 50 || (state.gpr[kRax] == 0 && n < 1000); ++n) {  // on a busy machine it runs late
        std::thread later([&] {
            std::this_thread::sleep_for(std::chrono::microseconds(n * 20));
            guest.vcpu().request_exit();
        });
        REQUIRE(guest.run(state) == RunExit::kInterrupted);
        later.join();
        state = guest.vcpu().state();
        REQUIRE((state.rip == KvmGuest::kCode || state.rip == KvmGuest::kCode + 2));
    }
    CHECK(state.gpr[kRax] != 0);
}

TEST_CASE("an interrupt is taken when the guest allows it, and once") {
    NEED_KVM();
    KvmGuest guest;
    guest.load({0x90, 0xfb, 0x90, 0x90, 0xeb, 0xfe});  // nop; sti; nop; nop; 1: jmp 1b
    guest.jit.environment().pending_vector = 0x41;
    REQUIRE(guest.run(guest.start(false)) == RunExit::kHalted);
    const CpuState& s = guest.vcpu().state();
    CHECK(s.rip == JitGuest::kSystemBase + 0x2000 + 0x41 * 16 + 1);
    u64 saved_rip = 0;
    guest.jit.read(s.gpr[kRsp], {reinterpret_cast<u8*>(&saved_rip), 8});
    CHECK(saved_rip >= KvmGuest::kCode + 3);
    CHECK(guest.jit.environment().pending_vector == -1);
}

TEST_CASE("with SYSCALL enabled an emulating host gives SYSCALL, exceptions and ring 0 to the other engine") {
    NEED_KVM();
    KvmGuest guest;
    if (guest.backend().native_ring0()) {
        WARN("skipped: this host runs ring 0 natively");
        return;
    }
    guest.load({0xff, 0xc3, 0x0f, 0x05, 0x0f, 0x0b});  // inc ebx; syscall; ud2
    CpuState s = guest.start();
    s.efer |= kEferSCE;
    s.star = u64{0x1b} << 48 | u64{8} << 32, s.lstar = JitGuest::kSystemBase + 0x4000, s.sfmask = kFlagIF;
    s.gpr[kR11] = 1, s.rflags |= kFlagIF | kFlagCF;
    for (unsigned n = 0; n < 3; ++n) {
        REQUIRE(guest.run(s) == RunExit::kFatal);
        CHECK(guest.vcpu().failure() == "SYSCALL");
        const CpuState& at = guest.vcpu().state();
        CHECK((at.rip == KvmGuest::kCode + 2 && at.cpl() == 3 && at.gpr[kRbx] == 1));
        CHECK((at.rflags & (kFlagIF | kFlagCF | kFlagRF)) == (kFlagIF | kFlagCF));
        CHECK(at.idtr.limit == s.idtr.limit);
    }
    s.rip += 4;
    REQUIRE(guest.run(s) == RunExit::kFatal);
    CHECK(guest.vcpu().failure() == "exception 6 in ring 3");
    CHECK(guest.vcpu().state().rip == KvmGuest::kCode + 4);
    s = guest.start(false);
    s.efer |= kEferSCE;
    REQUIRE(guest.run(s) == RunExit::kFatal);
    CHECK(guest.vcpu().state().rip == KvmGuest::kCode);
}

TEST_CASE("flash reads as memory and its writes reach the device, in both rings; in command mode reads do too") {
    struct Device : MmioHandler {
        u64 mmio_read(u64 offset, unsigned) override { return 0x80 + offset; }
        void mmio_write(u64 offset, unsigned, u64 value) override { writes.emplace_back(offset, value); }
        std::vector<std::pair<u64, u64>> writes;
    } device;
    NEED_KVM();
    KvmGuest guest;
    constexpr Gva kFlash = 0x500000;
    guest.jit.map_new(kFlash, kPageSize, kUserPage | kWritablePage);
    const Gpa at = guest.jit.physical(kFlash);
    const Mapping commands = guest.jit.mmio().map(at, kPageSize, device, "flash");
    HostPages cells = HostPages::create(kPageSize, "test").take();
    cells.base()[0] = 0x5a, cells.base()[1] = 0x5b;
    for (const bool user : {true, false, true}) {
        // mov al, [rdi]; mov byte [rdi+10h], 98h; mov ah, [rdi+1]; int3 or hlt
        guest.load({0x8a, 0x07, 0xc6, 0x47, 0x10, 0x98, 0x8a, 0x67, 0x01, static_cast<u8>(user ? 0xcc : 0xf4)});
        Mapping array = guest.jit.phys().map_flash(at, kPageSize, cells.base(), "flash");
        device.writes.clear();
        CpuState s = guest.start(user);
        s.gpr[kRax] = 0, s.gpr[kRdi] = kFlash;
        REQUIRE(guest.run(s) == RunExit::kHalted);
        CHECK(guest.vcpu().state().gpr[kRax] == 0x5b5a);
        CHECK(device.writes == std::vector<std::pair<u64, u64>>{{0x10, 0x98}});
        CHECK(cells.base()[0x10] == 0);
        array.release();
        guest.jit.phys().remap(at, kPageSize, Backing::kMmio);
        REQUIRE(guest.run(s) == RunExit::kHalted);
        CHECK(guest.vcpu().state().gpr[kRax] == 0x8180);
    }
}

TEST_CASE("pages with code that KVM writes to are reported, others are not, each time anew") {
    struct Listener : CodeWriteListener {
        bool has_code(Gpa) const override { return false; }
        void code_written(Gpa address, u64) override { pages.push_back(address); }
        std::vector<Gpa> pages;
    } listener;
    NEED_KVM();
    KvmGuest guest;
    constexpr Gva kData = 0x500000;
    guest.jit.map_new(kData, 3 * kPageSize, kUserPage | kWritablePage);
    guest.load({0xc6, 0x07, 1, 0xc6, 0x06, 2, 0xcc});  // mov byte [rdi], 1; mov byte [rsi], 2; int3
    guest.jit.phys().add_code_listener(listener);
    for (unsigned n = 0; n < 2; ++n) guest.jit.phys().set_has_code(guest.jit.physical(kData + n * kPageSize), true);
    for (unsigned round = 0; round < 3; ++round) {
        CpuState s = guest.start();
        s.gpr[kRdi] = kData + 8, s.gpr[kRsi] = kData + 2 * kPageSize;
        guest.vcpu().watch_code();
        REQUIRE(guest.run(s) == RunExit::kHalted);
        CHECK(listener.pages.empty());
        guest.vcpu().report_code_writes();
        CHECK(listener.pages == std::vector<Gpa>{guest.jit.physical(kData)});
        listener.pages.clear();
        guest.vcpu().report_code_writes();
        CHECK(listener.pages.empty());
    }
    guest.jit.phys().remove_code_listener(listener);
}

TEST_CASE("translations that others change are not used again: pages move at random") {
    NEED_KVM();
    KvmGuest guest;
    constexpr Gva kWindows = 0x10000000;
    constexpr unsigned kWindowCount = 32, kPages = 48;
    const Gpa pages = guest.jit.allocate(kPages);
    for (unsigned p = 0; p < kPages; ++p) guest.jit.phys().write(pages + p * kPageSize, 8, 1000 + p);
    // 1: imul rax, rax, 31; add rax, [rsi]; add rsi, rdi; dec ecx; jnz 1b; int3
    guest.load({0x48, 0x6b, 0xc0, 0x1f, 0x48, 0x03, 0x06, 0x48, 0x01, 0xfe, 0xff, 0xc9, 0x75, 0xf2, 0xcc});
    std::mt19937_64 random(86);
    unsigned shown[kWindowCount] = {};
    for (unsigned w = 0; w < kWindowCount; ++w) guest.jit.map(kWindows + w * kPageSize, pages, kPageSize, kUserPage);
    for (unsigned round = 0; round < 400; ++round) {
        for (unsigned change = random() % 8; change > 0; --change) {
            const unsigned w = random() % kWindowCount;
            shown[w] = static_cast<unsigned>(random() % kPages);
            guest.jit.map(kWindows + w * kPageSize, pages + shown[w] * kPageSize, kPageSize, kUserPage);
        }
        u64 expected = 0;
        for (const unsigned page : shown) expected = expected * 31 + 1000 + page;
        CpuState s = guest.start();
        s.gpr[kRax] = 0, s.gpr[kRsi] = kWindows, s.gpr[kRdi] = kPageSize, s.gpr[kRcx] = kWindowCount;
        INFO("round " << round);
        REQUIRE(guest.run(s) == RunExit::kHalted);
        REQUIRE(guest.vcpu().state().gpr[kRax] == expected);
    }
}

}  // namespace twin86::test
