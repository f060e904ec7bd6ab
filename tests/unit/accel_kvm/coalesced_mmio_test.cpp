// Writes to devices that KVM collects: their order, and who gets them when.
#include <cstring>
#include <thread>

#include "tests/unit/accel_kvm/kvm_guest.h"

namespace twin86::test {

namespace {

/// Counts what it hears; reads give the number of writes.
struct Device : MmioHandler {
    u64 mmio_read(u64, unsigned) override { return writes.size(); }
    void mmio_write(u64 offset, unsigned size, u64 value) override { writes.push_back({offset, size, value}); }
    std::vector<MmioWrite> writes;
};

class LateGuest : public KvmGuest {
  public:
    static constexpr Gva kDevice = 0x500000;

    LateGuest() {
        jit.map_new(kDevice, kPageSize, kUserPage | kWritablePage);
        at = jit.physical(kDevice);
        bus = jit.mmio().map(at, kPageSize, device, "late");
        jit.phys().remap(at, kPageSize, Backing::kMmio);
        late = jit.phys().allow_late_writes(at, kPageSize);
    }
    CpuState start(bool user) {
        CpuState s = KvmGuest::start(user);
        s.gpr[kRdi] = kDevice, s.gpr[kRax] = 0, s.gpr[kRcx] = 0;
        return s;
    }
    u64 mmio_exits() {
        const auto& reasons = vcpu().counters().reasons;
        const auto found = reasons.find(KVM_EXIT_MMIO);
        return found == reasons.end() ? 0 : found->second;
    }
    bool collects() { return backend().exit_ns != 0 && kvm::KvmSystem::open()->check(KVM_CAP_COALESCED_MMIO) > 0; }

    Device device;
    Gpa at = 0;
    Mapping bus, late;
};

}  // namespace

TEST_CASE("the ring gives aligned pieces, in order, and wraps") {
    static kvm::MmioRing memory;
    kvm::MmioRing* const ring = &memory;
    kvm::CoalescedRing taken(ring);
    MmioWrite w;
    CHECK(taken.empty());
    CHECK_FALSE(taken.next(w));
    CHECK(kvm::MmioRing::kSlots == 170);  // include/uapi/linux/kvm.h: a page of 24 bytes each, but for the first 8
    ring->first = ring->last = kvm::MmioRing::kSlots - 1;
    const auto put = [&](u64 address, u32 size, u64 value) {
        kvm_coalesced_mmio& m = ring->slots[ring->last];
        m.phys_addr = address, m.len = size;
        std::memcpy(m.data, &value, 8);
        ring->last = (ring->last + 1) % kvm::MmioRing::kSlots;
    };
    put(0xa0003, 5, 0x5544332211);
    put(0xa0010, 8, 0x0807060504030201);
    const std::vector<MmioWrite> expected{{0xa0003, 1, 0x11}, {0xa0004, 4, 0x55443322}, {0xa0010, 8, 0x0807060504030201}};
    for (const MmioWrite& e : expected) {
        REQUIRE(taken.next(w));
        CHECK((w.address == e.address && w.size == e.size && w.value == e.value));
    }
    CHECK(taken.empty());
    CHECK_FALSE(kvm::CoalescedRing(static_cast<kvm::MmioRing*>(nullptr)).next(w));
}

TEST_CASE("late writes reach the device before the next port, in their order, and cost few exits") {
    NEED_KVM();
    LateGuest guest;
    // 1: mov [rdi], ecx; mov [rdi+8], cl; inc ecx; cmp ecx, 500; jnz 1b; mov eax, [rdi]; out 80h, al; hlt
    guest.load({0x89, 0x0f, 0x88, 0x4f, 0x08, 0xff, 0xc1, 0x81, 0xf9, 0xf4, 0x01, 0, 0, 0x75, 0xf1, 0x8b, 0x07, 0xe6,
                0x80, 0xf4});
    REQUIRE(guest.run(guest.start(false)) == RunExit::kHalted);
    CHECK(guest.vcpu().state().gpr[kRax] == 1000);
    REQUIRE(guest.device.writes.size() == 1000);
    for (unsigned n = 0; n < 1000; ++n) {
        const MmioWrite& w = guest.device.writes[n];
        REQUIRE((w.address == (n % 2) * 8 && w.value == (n % 2 == 0 ? n / 2 : (n / 2) & 0xff)));
    }
    if (!guest.collects()) return;
    CHECK(guest.vcpu().counters().late_writes > 900);
    CHECK(guest.mmio_exits() < 100);
}

TEST_CASE("in ring 3, and without permission again each write is an exit") {
    NEED_KVM();
    LateGuest guest;
    // mov [rdi], cl; inc ecx; cmp ecx, 50; jnz; mov eax, [rdi]; int3
    guest.load({0x88, 0x0f, 0xff, 0xc1, 0x83, 0xf9, 0x32, 0x75, 0xf7, 0x8b, 0x07, 0xcc});
    REQUIRE(guest.run(guest.start(true)) == RunExit::kHalted);
    CHECK(guest.vcpu().state().gpr[kRax] == 50);
    const u64 before = guest.mmio_exits();
    guest.late.release();
    guest.device.writes.clear();
    REQUIRE(guest.run(guest.start(true)) == RunExit::kHalted);
    CHECK(guest.device.writes.size() == 50);
    CHECK(guest.mmio_exits() - before >= 50);
}

TEST_CASE("another thread gets late writes while the guest executes") {
    NEED_KVM();
    LateGuest guest;
    if (!guest.collects()) return;
    guest.load({0x88, 0x0f, 0xeb, 0xfe});  // mov [rdi], cl; 1: jmp 1b
    CpuState s = guest.start(true);
    s.gpr[kRcx] = 0x5a;
    MmioWrite seen{};
    std::thread looker([&] {
        while (!guest.vcpu().next_late_write(seen)) std::this_thread::yield();
        guest.vcpu().request_exit();
    });
    REQUIRE(guest.run(s) == RunExit::kInterrupted);
    looker.join();
    CHECK((seen.address == guest.at && seen.size == 1 && seen.value == 0x5a));
    CHECK(guest.device.writes.empty());
}

}  // namespace twin86::test
