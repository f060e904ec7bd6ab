#include <sys/mman.h>

#include <cstring>

#include "tests/diff/random.h"
#include "tests/insn/isolation_test.h"

namespace twin86::test {

namespace {

constexpr Gva kCode = 0x400000;  // kCode + 16 pages is an island
constexpr unsigned kCodePages = 16;
constexpr Gva kEnd = 0x3f0000;  // INT3 everywhere
constexpr u64 kCanaryBytes = 4 * kPageSize, kCanary = 0x6b8b4567327b23c6;

GuestOptions options(jit::MmuMode mmu) {
    GuestOptions o;
    o.jit.mmu = mmu;
    o.ram = 4 * MiB;
    return o;
}

}  // namespace

Canaries::Canaries() {
    const auto [begin, end] = look_at_host();
    REQUIRE(begin != 0);
    for (const u64 at : {begin - kCanaryBytes, begin - 64 * MiB, begin - GiB, end, end + 64 * MiB, end + GiB, u64{0}}) plant(at);
    REQUIRE(!pages_.empty());
}

/// Does nothing when something lies there already.
void Canaries::plant(u64 address) {
    const int fixed = address != 0 ? MAP_FIXED_NOREPLACE : 0;
    void* at = mmap(reinterpret_cast<void*>(address), kCanaryBytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | fixed, -1, 0);
    if (at == MAP_FAILED) return;
    pages_.push_back(static_cast<u64*>(at));
    for (u64 n = 0; n < kCanaryBytes / 8; ++n) pages_.back()[n] = kCanary + n;
}

Canaries::~Canaries() {
    for (u64* page : pages_) munmap(page, kCanaryBytes);
}

bool Canaries::intact() const {
    for (const u64* page : pages_)
        for (u64 n = 0; n < kCanaryBytes / 8; ++n)
            if (page[n] != kCanary + n) return false;
    return true;
}

struct IsolationPair::Program {
    bool user = false;
    Gva at = 0;
    std::vector<u8> bytes;
    u64 gpr[16] = {};
    u64 fs = 0, gs = 0, flags = 0;
};

IsolationPair::IsolationPair()
    : shadow_(std::make_unique<JitGuest>(options(jit::MmuMode::kShadow))),
      soft_(std::make_unique<JitGuest>(options(jit::MmuMode::kSoft))),
      canaries_(std::make_unique<Canaries>()) {
    map_memory(*shadow_);
    map_memory(*soft_);
}

IsolationPair::~IsolationPair() = default;

void IsolationPair::map_memory(JitGuest& guest) {
    const std::vector<u8> stop(kPageSize, 0xcc);
    guest.map_new(kEnd, kPageSize, kUserPage);
    guest.write(kEnd, stop);
    guest.map_new(kCode, kCodePages * kPageSize, kUserPage);
    diff::Random random(99);
    std::vector<Gva> all = user_islands();
    all.insert(all.end(), kernel_islands().begin(), kernel_islands().end());
    for (const Gva page : all) {
        guest.map_new(page, kPageSize, (page >> 63 ? kGlobalPage : kUserPage) | kWritablePage | kNoExecutePage);
        u64 words[kPageSize / 8];  // pointers to follow
        for (u64& word : words) word = random.pick_from(all) + random.below(kPageSize / 8) * 8;
        guest.write(page, {reinterpret_cast<const u8*>(words), sizeof words});
    }
}

GuestStop IsolationPair::run_one(JitGuest& guest, const Program& p) {
    guest.write(p.at, p.bytes);
    guest.start(p.at, p.gpr[kRsp], p.user);
    CpuState& s = guest.state();
    std::copy(p.gpr, p.gpr + 16, s.gpr);
    s.segment[kFs].base = p.fs, s.segment[kGs].base = p.gs;
    s.rflags |= p.flags;
    return guest.run();
}

int IsolationPair::run(u64 seed) {
    diff::Random random(seed);
    const std::vector<u64> wild = wild_pointers(seed);
    Program p;
    p.user = random.chance(600);
    p.at = kCode + random.below((kCodePages - 1) * kPageSize);
    const auto& friendly = p.user ? user_islands() : kernel_islands();
    for (u64& r : p.gpr) {
        const bool good = random.chance(700), small = random.chance(250);
        r = small  ? random.below(256) - 64
            : good ? random.pick_from(friendly) + random.below(kPageSize)
                   : random.pick_from(wild) + random.below(32) - 16;
    }
    const auto base = [&] {
        const u64 v =
            random.chance(500) ? random.pick_from(wild) : random.pick_from(friendly) + random.below(kPageSize);
        return static_cast<u64>(static_cast<i64>(v << 16) >> 16);  // bases are canonical
    };
    p.fs = base(), p.gs = base();
    p.flags = random.next() & kFlagsArithmetic;
    p.bytes = wild_program(seed, p.at, kEnd);
    const GuestStop shadow = run_one(*shadow_, p), soft = run_one(*soft_, p);
    compare(shadow, soft);
    REQUIRE(canaries_->intact());
    return soft.vector;
}

void IsolationPair::compare(const GuestStop& shadow, const GuestStop& soft) {
    INFO("vector " << soft.vector << " rip " << std::hex << soft.rip << " cr2 " << soft.cr2 << " error "
                   << soft.error_code);
    REQUIRE(shadow.exit == soft.exit);
    REQUIRE(shadow.vector == soft.vector);
    REQUIRE(shadow.rip == soft.rip);
    REQUIRE(shadow.error_code == soft.error_code);
    REQUIRE(shadow.cr2 == soft.cr2);
    REQUIRE(shadow.rsp == soft.rsp);
    // Arithmetic flags that no instruction reads before they are written need not be right in a frame.
    constexpr u64 kSystemFlags = ~u64{kFlagsArithmetic};
    REQUIRE((shadow.rflags & kSystemFlags) == (soft.rflags & kSystemFlags));
    for (unsigned r = 0; r < 16; ++r) {
        INFO("register " << r);
        REQUIRE(shadow_->state().gpr[r] == soft_->state().gpr[r]);
    }
    for (const auto* islands : {&user_islands(), &kernel_islands()}) {
        for (const Gva page : *islands) {
            u8 a[kPageSize], b[kPageSize];
            shadow_->read(page, a);
            soft_->read(page, b);
            INFO("memory at " << std::hex << page);
            REQUIRE(std::memcmp(a, b, kPageSize) == 0);
        }
    }
}

u64 IsolationPair::window_fills() {
    const std::string text = shadow_->vcpu().statistics();
    const std::size_t line = text.find("windows ");
    REQUIRE(line != std::string::npos);
    unsigned long long faults = 0, fills = 0;
    REQUIRE(std::sscanf(text.c_str() + line, "windows %llu faults, %llu fills", &faults, &fills) == 2);
    return fills;
}

}  // namespace twin86::test
