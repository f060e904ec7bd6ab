// Random bytes, registers, tables and memory: no slow path may break the invariants of CpuState, whatever a guest does.
#include <random>

#include "tests/unit/cpu_semantics/fixture.h"

namespace twin86 {

namespace {

class Hostile {
  public:
    explicit Hostile(u32 seed) : random_(seed) {}

    void prepare(Fixture& f) {
        switch (random_() % 6) {
            case 0:
                f.long_mode(0);
                break;
            case 1:
                f.long_mode(3);
                break;
            case 2:
                f.protected_mode(random_() % 2 * 3);
                break;
            case 3:
                f.real_mode();
                break;
            case 4:
                f.vm86_mode(random_() % 4);
                break;
            default:
                f.compatibility_mode();
                break;
        }
        for (unsigned i = 0; i < 16; ++i)
            if (random_() % 2) f.s.gpr[i] = interesting();
        for (u64 at = 0; at < FakeHost::kSize; at += 61) f.host.memory[at] = static_cast<u8>(random_());
        for (unsigned i = 0; i < 16; ++i) f.host.store(kGdt + random_() % 256, random_());
        for (unsigned i = 0; i < 64; ++i) f.host.store(kIdt + random_() % 4096, random_());
        f.s.xcr0 = random_() % 2 ? 0xe7 : 3;
        if (random_() % 4 == 0)
            f.host.holes.push_back({random_() % FakeHost::kSize, random_() % FakeHost::kSize, random_() % 2 == 0});
        if (random_() % 2) f.s.rflags |= random_() & (kFlagNT | kFlagIOPL | kFlagDF | kFlagTF | kFlagIF);
    }

    std::array<u8, 15> bytes() {
        std::array<u8, 15> result;
        for (u8& b : result) b = static_cast<u8>(random_());
        unsigned at = 0;
        if (random_() % 3 == 0) result[at++] = pick({0x66, 0x67, 0x48, 0xf3, 0x2e, 0x64});
        if (random_() % 2) result[at++] = 0x0f;
        if (at && result[at - 1] == 0x0f && random_() % 2)
            result[at] = pick({0x00, 0x01, 0xae, 0xc7, 0xb2, 0x20, 0x22, 0x30, 0x32, 0x05, 0x07, 0x34, 0xa2});
        else if (random_() % 2)
            result[at] =
                pick({0xcf, 0xcb, 0xca, 0xff, 0x8e, 0x9d, 0xcd, 0xea, 0x9a, 0x6d, 0x6f, 0xc8, 0x60, 0x61, 0xdd, 0xd9});
        return result;
    }

    u8 vector() { return static_cast<u8>(random_() % 40); }
    bool one_in(unsigned n) { return random_() % n == 0; }

  private:
    u64 interesting() {
        const u64 value = random_();
        switch (value % 5) {
            case 0:
                return value;
            case 1:
                return value >> 44;
            case 2:
                return (value >> 44) & ~u64{63};
            case 3:
                return value >> 60;
            default:
                return ~u64{0} << (value >> 58);
        }
    }
    u8 pick(std::initializer_list<u8> from) { return *(from.begin() + random_() % from.size()); }

    std::mt19937_64 random_;
};

void check_invariants(const CpuState& s) {
    REQUIRE((s.rflags & kFlagReserved1) != 0);
    REQUIRE((s.rflags & 0xffffffffffc08028) == 0);
    REQUIRE(!((s.cr0 & kCr0PG) && !(s.cr0 & kCr0PE)));
    REQUIRE(s.long_mode() == ((s.cr0 & kCr0PG) && (s.efer & kEferLME)));
    REQUIRE((s.xcr0 & ~kXcr0Supported) == 0);
    REQUIRE((s.xcr0 & 1) == 1);
    if (s.vm86()) {
        REQUIRE(s.cpl() == 3);
        REQUIRE_FALSE(s.long_mode());
    }
}

}  // namespace

TEST_CASE("hostile guests: state stays consistent, faults leave RIP") {
    Hostile hostile(86);
    const Decoder decoder;
    unsigned executed = 0, faulted = 0;
    for (unsigned round = 0; round < 400; ++round) {
        Fixture f(hostile.one_in(2));
        hostile.prepare(f);
        for (unsigned step = 0; step < 200 && f.s.activity != Activity::kShutdown; ++step) {
            const auto bytes = hostile.bytes();
            Insn insn;
            const unsigned mode = f.s.mode64() ? 64 : f.s.segment[kCs].default_big() ? 32 : 16;
            if (decoder.decode(bytes, f.s.rip, mode, insn) != DecodeStatus::kOk) continue;
            const OpHandler handler = op_handler(insn.op);
            if (!handler) continue;
            f.s.rip = insn.next_rip();
            const Outcome outcome = handler(f.cpu(), insn);
            ++executed;
            check_invariants(f.s);
            if (outcome.faulted()) {
                ++faulted;
                f.s.rip = insn.rip;
                raise(f.cpu(), outcome);
            } else if (hostile.one_in(8)) {
                inject(f.cpu(), Event::external(hostile.vector()));
            }
            check_invariants(f.s);
        }
    }
    INFO(executed << " executed, " << faulted << " faulted");
    CHECK(executed > 2000);
    CHECK(faulted > 500);
    CHECK(executed - faulted > 500);
}

}  // namespace twin86
