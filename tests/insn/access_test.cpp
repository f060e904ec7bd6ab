// Access rights as programs meet them: every combination of the bits of an entry, of CR0.WP, CR4.SMEP and SMAP, EFER.NXE and
// EFLAGS.AC, for reads, writes and fetches of both privilege levels. SDM vol. 3, 4.6 to 4.8.
#include <cstring>

#include "tests/diff/random.h"
#include "tests/insn/insn_test.h"
#include "tests/lib/page_walk_model.h"

namespace twin86::test {

using namespace asmjit;

namespace {

constexpr u64 kP = 1, kW = 2, kU = 4, kA = 0x20, kD = 0x40, kPs = 0x80, kXd = u64{1} << 63;
constexpr u64 kBeyond = u64{1} << 45;  ///< an address bit that the processor does not have
constexpr u64 kFull = kP | kW | kU;
constexpr Gva kVa = 0x0000'1234'5679'9000, kUserAt = kCodeAt, kKernelAt = 0x500000;
constexpr Gpa kLargePage = 8 * MiB;
constexpr unsigned kProgramStep = 64, kFlushProgram = 3;

struct Walk {
    u64 entry[4];  ///< from the root; the third may be a leaf
    bool large() const { return (entry[2] & kPs) != 0; }
    unsigned depth() const { return large() ? 3 : 4; }
};

class AccessRig {
  public:
    explicit AccessRig(const char* cpu = "max", unsigned physical_bits = 40) : guest(GuestOptions{.cpu = cpu}), physical_bits_(physical_bits) {
        guest.map_new(kUserAt, kPageSize, kUserPage);
        guest.map_new(kKernelAt, kPageSize, 0);
        guest.map_new(kStackAt, kPageSize, kUserPage | kWritablePage);
        for (const Gva at : {kUserAt, kKernelAt}) {
            program(at, 0, [](auto& a) { a.mov(x86::eax, x86::dword_ptr(x86::rbx)); });
            program(at, 1, [](auto& a) { a.mov(x86::dword_ptr(x86::rbx), x86::eax); });
            program(at, 2, [](auto& a) { a.jmp(x86::rbx); });
        }
        program(kKernelAt, kFlushProgram, [](auto& a) { a.invlpg(x86::ptr(x86::rbx)); });
        const u32 traps = 0xcccccccc;
        std::memcpy(ram() + frame, &traps, sizeof traps);
        std::memcpy(ram() + kLargePage + (kVa & (2 * MiB - 1)), &traps, sizeof traps);
        for (unsigned n = 0; n < 4; ++n) {
            const Gpa table = n == 0 ? guest.initial().cr3 & kPageMask : tables + (n - 1) * kPageSize;
            slot[n] = reinterpret_cast<u64*>(ram() + table) + (kVa >> (39 - 9 * n) & 511);
        }
    }

    void use(const model::Mode& mode) {
        mode_ = mode;
        start(kKernelAt, false);
        guest.vcpu().state_changed();
    }

    /// The entries with their addresses; A and D as they are in `walk`.
    Walk with_addresses(Walk walk) const {
        for (unsigned n = 0; n < 3; ++n) walk.entry[n] |= tables + n * kPageSize;
        if (walk.large()) walk.entry[2] = (walk.entry[2] & ~(tables + 2 * kPageSize)) | kLargePage;
        walk.entry[3] |= frame;
        return walk;
    }

    /// The error code of the #PF that a read raises, or 0.
    u32 read_fault(const Walk& walk, bool user) {
        set_entries(walk);
        start(user ? kUserAt : kKernelAt, user);
        const GuestStop stop = guest.run();
        return stop.vector == kVectorPF ? stop.error_code : 0;
    }

    /// How the access differs from the model; empty when it does not.
    std::string compare(const Walk& walk, const model::Access3& access) {
        set_entries(walk);
        const unsigned n = access.fetch ? 2 : access.write ? 1 : 0;
        start((access.user ? kUserAt : kKernelAt) + n * kProgramStep, access.user);
        const GuestStop stop = guest.run();
        const auto fault = model::fault(levels(walk), mode_, access);
        const int vector = fault ? kVectorPF : kVectorBP;
        if (stop.vector != vector) return fmt::format("vector {}, model {}", stop.vector, vector);
        if (fault && (stop.error_code != *fault || stop.cr2 != kVa)) return fmt::format("error {:#x} at {:#x}, model {:#x}", stop.error_code, stop.cr2, *fault);
        if (access.fetch && stop.rip != kVa + !fault) return fmt::format("RIP {:#x}", stop.rip);
        return compare_entries(walk, access.write, fault.has_value());
    }

    JitGuest guest;

  private:
    const unsigned physical_bits_;
    void set_entries(const Walk& walk) {
        for (unsigned n = 0; n < 4; ++n) *slot[n] = walk.entry[n];
        start(kKernelAt + kFlushProgram * kProgramStep, false);
        guest.run();
    }

    u8* ram() { return guest.phys().ram().base(); }

    void program(Gva at, unsigned n, const std::function<void(x86::Assembler&)>& emit) {
        CodeHolder code;
        code.init(Environment::host(), at);
        x86::Assembler a(&code);
        emit(a);
        a.int3();
        guest.write(at + n * kProgramStep, code.textSection()->buffer());
    }

    void start(u64 rip, bool user) {
        guest.start(rip, kStackAt + kPageSize, user);
        CpuState& s = guest.state();
        const auto set = [](u64& reg, u64 bits, bool on) { reg = on ? reg | bits : reg & ~bits; };
        set(s.cr0, kCr0WP, mode_.wp), set(s.cr4, kCr4SMEP, mode_.smep), set(s.cr4, kCr4SMAP, mode_.smap);
        set(s.efer, kEferNXE, mode_.nxe), set(s.rflags, kFlagAC, mode_.ac);
        s.gpr[kRbx] = kVa, s.gpr[kRax] = 0xcccccccc;
    }

    std::vector<model::Level> levels(const Walk& walk) const {
        const u64 no_address = (u64{1} << 52) - (u64{1} << physical_bits_);
        std::vector<model::Level> all;
        for (unsigned n = 0; n < walk.depth(); ++n) all.push_back({walk.entry[n], no_address | (mode_.nxe ? 0 : kXd)});
        all[0].reserved |= kPs;
        if (walk.large()) all[2].reserved |= 0xff << 13;
        return all;
    }

    /// Accessed bits are set when the access succeeds, the dirty bit when it writes; nothing else changes.
    std::string compare_entries(const Walk& walk, bool write, bool faulted) const {
        for (unsigned n = 0; n < walk.depth(); ++n) {
            u64 expected = walk.entry[n], got = *slot[n];
            if (faulted) got &= ~(kA & ~expected);  // processors may have set it
            else expected |= kA | (write && n + 1 == walk.depth() ? kD : 0);
            if (got != expected) return fmt::format("entry {}: {:#x}, model {:#x}", n, got, expected);
        }
        return {};
    }

    const Gpa tables = guest.allocate(3), frame = guest.allocate(1);
    u64* slot[4];
    model::Mode mode_{};
};

model::Mode mode_of(unsigned n) { return {(n & 1) != 0, (n & 2) != 0, (n & 4) != 0, (n & 8) != 0, (n & 16) != 0, true}; }

/// Compares all six accesses through these entries.
void compare_all(AccessRig& rig, const Walk& bits, unsigned mode, unsigned& wrong) {
    const Walk walk = rig.with_addresses(bits);
    for (unsigned n = 0; n < 6; ++n) {
        const model::Access3 access{n % 2 != 0, n / 2 == 1, n / 2 == 2};
        const std::string problem = rig.compare(walk, access);
        if (problem.empty() || ++wrong > 5) continue;
        UNSCOPED_INFO(fmt::format("mode {:#x}, access {}, entries {:#x} {:#x} {:#x} {:#x}: {}", mode, n, walk.entry[0], walk.entry[1], walk.entry[2], walk.entry[3], problem));
    }
}

}  // namespace

TEST_CASE("Every combination of a leaf's bits, of modes and of accesses", "[insn][access]") {
    AccessRig rig;
    unsigned wrong = 0;
    for (unsigned mode = 0; mode < 32; ++mode) {
        rig.use(mode_of(mode));
        for (unsigned n = 0; n < 128; ++n) {
            const auto pick = [n](unsigned bit, u64 value) { return n >> bit & 1 ? value : 0; };
            const u64 leaf = pick(0, kP) | pick(1, kW) | pick(2, kU) | pick(3, kXd) | pick(4, kA) | pick(5, kD) | pick(6, kBeyond);
            compare_all(rig, {{kFull, kFull, kFull, leaf}}, mode, wrong);
            compare_all(rig, {{kFull, kFull, leaf | kPs, 0}}, mode, wrong);
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("Random entries on all levels, in all modes", "[insn][access]") {
    AccessRig rig;
    diff::Random r(46);
    unsigned wrong = 0;
    for (unsigned mode = 0; mode < 32; ++mode) {
        rig.use(mode_of(mode));
        for (unsigned n = 0; n < 200; ++n) {
            Walk walk{};
            for (u64& entry : walk.entry)
                entry = (r.chance(970) ? kP : 0) | (r.chance(700) ? kW : 0) | (r.chance(700) ? kU : 0) | (r.chance(150) ? kXd : 0) |
                        (r.chance(500) ? kA : 0) | (r.chance(500) ? kD : 0) | (r.chance(20) ? kBeyond : 0);
            if (r.chance(20)) walk.entry[0] |= kPs;
            if (r.chance(300)) walk.entry[2] |= kPs | (r.chance(50) ? u64{1} << (13 + r.below(8)) : 0);
            compare_all(rig, walk, mode, wrong);
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("Reserved address bits and pages of 1 GiB are those of the CPU model", "[insn][access]") {
    const auto [cpu, bits] = GENERATE(table<const char*, unsigned>({{"max,phys-bits=36", 36}, {"max", 40}, {"max,phys-bits=46,-pdpe1gb", 46}, {"max,phys-bits=52", 52}}));
    AccessRig rig(cpu, bits);
    rig.use({true, false, false, false, true, true});
    unsigned wrong = 0;
    for (unsigned bit = 32; bit < 52; ++bit)
        for (const bool user : {false, true})
            for (unsigned level = 2; level < 4; ++level) {
                Walk walk = rig.with_addresses({{kFull, kFull, level == 2 ? kFull | kPs : kFull, level == 3 ? kFull : 0}});
                walk.entry[level] |= u64{1} << bit;
                const std::string problem = rig.compare(walk, {user, false, false});
                if (!problem.empty() && ++wrong < 5) UNSCOPED_INFO(fmt::format("bit {}, level {}: {}", bit, level, problem));
            }
    CHECK(wrong == 0);
    Walk gib = rig.with_addresses({{kFull, 0, 0, 0}});
    gib.entry[1] = kFull | kPs;
    for (const bool user : {false, true}) CHECK(rig.read_fault(gib, user) == (bits == 46 ? (user ? 13 : 9) : 0));
}

}  // namespace twin86::test
