// Faults during delivery, SDM vol. 3, table 6-5.
#include "tests/unit/cpu_semantics/fixture.h"

namespace twin86 {

namespace {

constexpr u64 kGpHandler = 0x50000, kDfHandler = 0x51000, kPfHandler = 0x52000, kNpHandler = 0x53000;

struct Handlers : Fixture {
    Handlers() {
        long_mode(3);
        gate64(kVectorGP, kCode0, kGpHandler);
        gate64(kVectorDF, kCode0, kDfHandler, kInterruptGate, 0, 1);
        gate64(kVectorPF, kCode0, kPfHandler);
        gate64(kVectorNP, kCode0, kNpHandler);
    }
    void absent(u8 vector) { host.memory[kIdt + vector * 16u + 5] &= 0x7f; }
};

}  // namespace

TEST_CASE("benign, then contributory: the second is delivered alone") {
    Handlers f;
    inject(f.cpu(), Event::external(0x41));  // no gate
    CHECK(f.s.rip == kGpHandler);
    CHECK(f.stack(0) == 0x41 * 8 + 3);
    CHECK(f.stack(1) == kCodeAt);
}

TEST_CASE("contributory, then contributory: double fault with error code 0") {
    Handlers f;
    f.absent(kVectorGP);
    raise(f.cpu(), Outcome::fault(kVectorGP, 0x1234));
    CHECK(f.s.rip == kDfHandler);
    CHECK(f.stack(0) == 0);
    CHECK((f.stack(3) & kFlagRF) == 0);
    CHECK(f.s.gpr[kRsp] == kIst1 - 48);
}

TEST_CASE("contributory, then page fault: the page fault is delivered") {
    Handlers f;
    f.gate64(kVectorGP, kCode0, kGpHandler);
    f.host.holes.push_back({kIdt + kVectorGP * 16, kIdt + kVectorGP * 16 + 15, false});
    raise(f.cpu(), Outcome::fault(kVectorGP, 0));
    CHECK(f.s.rip == kPfHandler);
    CHECK(f.s.cr2 == kIdt + kVectorGP * 16);
}

TEST_CASE("page fault, then contributory or page fault: double fault") {
    Handlers f;
    SECTION("contributory") {
        f.absent(kVectorPF);
    }
    SECTION("page fault, whose address is left in CR2") {
        f.host.holes.push_back({kIdt + kVectorPF * 16, kIdt + kVectorPF * 16 + 15, false});
    }
    const bool second_page_fault = !f.host.holes.empty();
    raise(f.cpu(), Outcome::page_fault(kPfUser, 0x1000));
    CHECK(f.s.rip == kDfHandler);
    CHECK(f.s.cr2 == (second_page_fault ? kIdt + kVectorPF * 16 : 0x1000));
}

TEST_CASE("page fault, then benign: none of the benign ones can arise, so #UD first stays benign") {
    Handlers f;
    raise(f.cpu(), Outcome::fault(kVectorUD));  // its gate is empty: #GP, not #DF
    CHECK(f.s.rip == kGpHandler);
    CHECK(f.stack(0) == kVectorUD * 8 + 3);
}

TEST_CASE("a fault on the way to the #DF handler shuts the processor down") {
    Handlers f;
    f.absent(kVectorPF);
    f.absent(kVectorDF);
    raise(f.cpu(), Outcome::page_fault(kPfUser, 0x1000));
    CHECK(f.s.activity == Activity::kShutdown);
    CHECK(f.s.rip == kCodeAt);
}

TEST_CASE("an empty IDT is a triple fault in every mode") {
    Fixture f;
    SECTION("64 bit") {
        f.long_mode(0);
    }
    SECTION("32 bit") {
        f.protected_mode(0);
    }
    SECTION("real mode") {
        f.real_mode();
    }
    f.s.idtr.limit = 0;
    raise(f.cpu(), Outcome::fault(kVectorUD));
    CHECK(f.s.activity == Activity::kShutdown);
}

}  // namespace twin86
