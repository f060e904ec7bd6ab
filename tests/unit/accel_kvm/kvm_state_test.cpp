// CpuState to KVM's structures and back.
#include "accel/kvm/kvm_state.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <random>

#include "cpu/semantics/xsave_layout.h"
#include "cpu/state/fault.h"

using namespace twin86;
using namespace twin86::kvm;

namespace {

class RandomState {
  public:
    CpuState next() {
        CpuState s;
        for (u64& g : s.gpr) g = random_();
        s.rip = random_(), s.rflags = random_();
        for (Segment& seg : s.segment) seg = segment();
        s.ldtr = segment(), s.tr = segment();
        s.gdtr = {random_(), static_cast<u16>(random_())}, s.idtr = {random_(), static_cast<u16>(random_())};
        s.cr0 = random_(), s.cr2 = random_(), s.cr3 = random_(), s.cr4 = random_(), s.efer = random_(),
        s.xcr0 = random_();
        for (unsigned n : {0, 1, 2, 3, 6, 7}) s.dr[n] = random_();
        for (u64* msr : {&s.star, &s.lstar, &s.cstar, &s.sfmask, &s.kernel_gs_base, &s.sysenter_cs, &s.sysenter_esp,
                         &s.sysenter_eip, &s.tsc_aux})
            *msr = random_();
        s.nmi_blocked = random_() & 1, s.nmi_pending = random_() & 1;
        s.shadow = static_cast<u8>(random_() % 3);
        s.pending = pending();
        for (u8& byte : s.xsave) byte = static_cast<u8>(random_());
        const u64 components = random_() & kXcr0Supported, standard_format = 0;
        std::memcpy(s.xsave + 512, &components, 8);
        std::memcpy(s.xsave + 520, &standard_format, 8);
        return s;
    }

  private:
    Segment segment() {
        return {random_(), static_cast<u32>(random_()), static_cast<u16>(random_()),
                static_cast<u16>(random_() & 0xf0ff)};
    }
    PendingEvent pending() {
        using Kind = PendingEvent::Kind;
        switch (random_() % 4) {
            case 1:
                return {Kind::kExternal, static_cast<u8>(random_() | 32), false, 0};
            case 2:
                return {Kind::kNmi, 2, false, 0};
            case 3:
                return {Kind::kException, 13, true, static_cast<u32>(random_())};
            default:
                return {};
        }
    }
    std::mt19937_64 random_{86};
};

CpuState there_and_back(const CpuState& s) {
    CpuState out;
    from_kvm_regs(to_kvm_regs(s), out);
    from_kvm_sregs(to_kvm_sregs(s, 0xfee00900, 5), out);
    from_kvm_debugregs(to_kvm_debugregs(s), out);
    from_kvm_events(to_kvm_events(s), out);
    from_kvm_xcrs(to_kvm_xcrs(s), out);
    from_kvm_xsave(to_kvm_xsave(s), out);
    from_kvm_msrs(to_kvm_msrs(s), out);
    return out;
}

}  // namespace

TEST_CASE("every register comes back") {
    RandomState random;
    for (unsigned n = 0; n < 10'000; ++n) {
        CpuState s = random.next();
        s.xsave[kXsaveXstateBv] |= kXfeatureSse;
        const CpuState t = there_and_back(s);
        REQUIRE(std::memcmp(s.gpr, t.gpr, sizeof s.gpr) == 0);
        REQUIRE((s.rip == t.rip && s.rflags == t.rflags));
        for (unsigned i = 0; i < 6; ++i) REQUIRE(std::memcmp(&s.segment[i], &t.segment[i], sizeof(Segment)) == 0);
        REQUIRE(
            (std::memcmp(&s.tr, &t.tr, sizeof(Segment)) == 0 && std::memcmp(&s.ldtr, &t.ldtr, sizeof(Segment)) == 0));
        REQUIRE((s.gdtr.base == t.gdtr.base && s.gdtr.limit == t.gdtr.limit && s.idtr.base == t.idtr.base &&
                 s.idtr.limit == t.idtr.limit));
        REQUIRE((s.cr0 == t.cr0 && s.cr2 == t.cr2 && s.cr3 == t.cr3 && s.cr4 == t.cr4 && s.efer == t.efer &&
                 s.xcr0 == t.xcr0));
        REQUIRE(std::memcmp(s.dr, t.dr, sizeof s.dr) == 0);
        REQUIRE((s.star == t.star && s.lstar == t.lstar && s.cstar == t.cstar && s.sfmask == t.sfmask));
        REQUIRE((s.kernel_gs_base == t.kernel_gs_base && s.tsc_aux == t.tsc_aux));
        REQUIRE(
            (s.sysenter_cs == t.sysenter_cs && s.sysenter_esp == t.sysenter_esp && s.sysenter_eip == t.sysenter_eip));
        REQUIRE((s.nmi_blocked == t.nmi_blocked && s.nmi_pending == t.nmi_pending && s.shadow == t.shadow));
        REQUIRE(s.pending == t.pending);
        REQUIRE(std::memcmp(s.xsave, t.xsave, sizeof s.xsave) == 0);
    }
}

TEST_CASE("a null segment is unusable, and the other way round") {
    CpuState s;
    s.segment[kFs] = {.base = 0x1234, .limit = 0, .selector = 0, .attributes = 0};
    const kvm_sregs k = to_kvm_sregs(s, 0, 0);
    CHECK(k.fs.unusable);
    CHECK(k.fs.base == 0x1234);
    kvm_sregs other = to_kvm_sregs(s, 0, 0);
    other.ds.present = 1, other.ds.unusable = 1;
    CpuState t;
    from_kvm_sregs(other, t);
    CHECK(t.segment[kDs].unusable());
}

TEST_CASE("INT3 is executed again, a fault in delivery is delivered") {
    kvm_vcpu_events e{};
    e.exception.injected = 1, e.exception.nr = 3;
    CpuState s;
    from_kvm_events(e, s);
    CHECK(s.pending.kind == PendingEvent::Kind::kNone);
    e.exception.nr = 14, e.exception.has_error_code = 1, e.exception.error_code = 6;
    from_kvm_events(e, s);
    CHECK(s.pending == PendingEvent{PendingEvent::Kind::kException, 14, true, 6});
}

TEST_CASE("debug causes that wait travel as an exception with its DR6") {
    CpuState s;
    s.dr[6] = 0xffff0ff0, s.pending_db = bit(14);
    const CpuState t = there_and_back(s);
    CHECK(t.dr[6] == (0xffff0ff0 | bit(14)));
    CHECK(t.pending == PendingEvent{PendingEvent::Kind::kException, kVectorDB, false, 0});
    CHECK(t.pending_db == 0);
}
