// Programs of pointer arithmetic and memory accesses in every addressing form, and the pointers they begin with.
#include <fstream>
#include <sstream>

#include "mmu/window_area.h"
#include "tests/diff/random.h"
#include "tests/insn/isolation_test.h"

namespace twin86::test {

using namespace asmjit;

namespace {

constexpr u64 kRegion = WindowArea::kRegionSize, kStride = kRegion + WindowArea::kGuardSize;
constexpr Gva kKernelHalf = 0xffff'8000'0000'0000;

/// One page on each side of a border.
void around(std::vector<Gva>& islands, Gva border) {
    islands.push_back(border - kPageSize);
    islands.push_back(border);
}

class Generator {
  public:
    Generator(u64 seed, x86::Assembler& to) : random_(~seed), a(to) {}

    void instruction() {
        if (random_.chance(450)) return arithmetic();
        access();
    }

  private:
    unsigned any() { return static_cast<unsigned>(random_.below(16)); }
    x86::Gp q() { return x86::gpq(any()); }
    x86::Gp d() { return x86::gpd(any()); }
    unsigned index() {
        const unsigned r = any();
        return r == kRsp ? static_cast<unsigned>(kRcx) : r;
    }
    i32 displacement() {
        if (random_.chance(650)) return static_cast<i32>(random_.below(129)) - 64;
        if (random_.chance(300)) return random_.pick({0x7fff'ffff, -0x7fff'ffff - 1, 0x7fff'fff8, 4096, -4096});
        return static_cast<i32>(random_.next()) >> random_.below(31);
    }

    x86::Mem pointer() {
        x86::Mem m = x86::ptr(q(), displacement());
        const unsigned shift = static_cast<unsigned>(random_.below(4));
        switch (random_.below(9)) {
            case 0:
            case 1:
                m = x86::ptr(q(), x86::gpq(index()), shift, displacement());
                break;
            case 2:
                m = x86::ptr(0, x86::gpq(index()), shift);
                m.setOffset(displacement());
                break;
            case 3:
                m = x86::ptr(x86::rip, static_cast<i32>(random_.below(0x22000)) - 0x11000);
                break;
            case 4:
                m = x86::ptr_abs(absolute());
                break;
            case 5:
                m = x86::ptr(d(), displacement());
                break;  // prefix 67
            case 6:
                m = x86::ptr(d(), x86::gpd(index()), shift, displacement());
                break;
            default:
                break;
        }
        if (random_.chance(120)) m.setSegment(random_.chance(500) ? x86::fs : x86::gs);
        return m;
    }
    u64 absolute() {
        if (random_.chance(500)) return 0x410000 + random_.below(kPageSize);
        return static_cast<u64>(static_cast<i64>(static_cast<i32>(random_.next())));
    }
    x86::Mem sized(u32 bytes) {
        x86::Mem m = pointer();
        m.setSize(bytes);
        return m;
    }
    x86::Mem address() {  // of LEA: not RIP, so that no pointer to code gets about
        x86::Mem m = pointer();
        while (m.hasBaseLabel() || m.baseType() == RegType::kX86_Rip) m = pointer();
        return m;
    }

    /// What the translator follows from register to register, and what it must not.
    void arithmetic() {
        switch (random_.below(25)) {
            case 0:
            case 1:
            case 2:
                a.mov(q(), q());
                break;
            case 3:
            case 4:
            case 5:
                a.lea(q(), address());
                break;
            case 6:
                a.lea(d(), address());
                break;
            case 7:
                a.add(q(), displacement());
                break;
            case 8:
                a.sub(q(), displacement());
                break;
            case 9:
                a.add(q(), q());
                break;
            case 10:
                a.sub(q(), q());
                break;
            case 11:
                a.movsxd(q(), d());
                break;
            case 12:
                a.mov(d(), d());
                break;
            case 13:
                a.mov(d(), static_cast<u32>(random_.next() >> (32 + random_.below(32))));
                break;
            case 14:
                a.xor_(d(), d());
                break;
            case 15:
                a.movzx(d(), x86::gpw(any()));
                break;
            case 16:
                a.shl(random_.chance(500) ? d() : q(), static_cast<int>(random_.below(40)));
                break;
            case 17:
                a.neg(random_.chance(500) ? d() : q());
                break;
            case 18:
                a.inc(random_.chance(500) ? d() : q());
                break;
            case 19:
                a.xchg(q(), q());
                break;
            case 20:
                a.xchg(d(), d());
                break;
            case 21:
                a.cmovz(d(), d());
                break;
            case 22:
                a.mov(x86::gpw(any()), x86::gpw(any()));
                break;
            case 23:
                a.mov(x86::gpb_hi(static_cast<unsigned>(random_.below(4))), x86::al);
                break;
            default:
                a.bsf(d(), d());
                break;
        }
    }

    void access() {
        switch (random_.below(24)) {
            case 0:
            case 1:
            case 2:
                a.mov(q(), sized(8));
                break;
            case 3:
            case 4:
                a.mov(sized(8), q());
                break;
            case 5:
                a.mov(d(), sized(4));
                break;
            case 6:
                a.mov(sized(4), d());
                break;
            case 7:
                a.movzx(d(), sized(1));
                break;
            case 8:
                a.movsxd(q(), sized(4));
                break;
            case 9:
                a.add(q(), sized(8));
                break;
            case 10:
                a.add(sized(8), q());
                break;
            case 11:
                a.lock().xadd(sized(4), d());
                break;
            case 12:
                a.xchg(q(), sized(8));
                break;
            case 13:
                a.cmp(sized(2), x86::gpw(any()));
                break;
            case 14:
                a.inc(sized(1));
                break;
            case 15:
                a.movups(x86::xmm(static_cast<u32>(random_.below(16))), sized(16));
                break;
            case 16:
                a.movups(sized(16), x86::xmm(static_cast<u32>(random_.below(16))));
                break;
            case 17:
                a.bts(sized(8), q());
                break;
            case 18:
                a.push(q());
                break;
            case 19:
                a.pop(q());
                break;
            case 20:
                a.push(sized(8));
                break;
            case 21:
                a.pop(sized(8));
                break;
            case 22:
                a.mov(sized(1), x86::gpb_hi(static_cast<unsigned>(random_.below(4))));
                break;
            default:
                random_.chance(100) ? (void)a.leave() : (void)a.push(displacement());
                break;
        }
    }

    diff::Random random_;
    x86::Assembler& a;
};

std::vector<std::pair<u64, u64>> host;  // mappings, by look_at_host()
u64 first_window = 0;

/// Host addresses as guests could come to name them: as they are, and less the distance that a window adds.
void add_host(std::vector<u64>& out, diff::Random& random) {
    for (unsigned n = 0; n < 24; ++n) {
        const auto& [begin, end] = random.pick_from(host);
        const u64 there = begin + random.below(end - begin);
        const u64 window = first_window + random.below(8) * kStride;
        const u64 region = random.chance(500) ? random.below(8) * kRegion : kKernelHalf + random.below(256) * kRegion;
        out.push_back(there);
        out.push_back(there - window + region);
    }
}

std::vector<u64> near_borders() {
    std::vector<u64> out{0, 0x7fff'ffff, 0x8000'0000, 0xffff'ffff, 0x8000'0000'0000, 0xffff'7fff'ffff'ffff};
    for (const u64 border : {kRegion, 2 * kRegion, 255 * kRegion, 256 * kRegion, kKernelHalf, kKernelHalf + kRegion}) {
        if (border != kKernelHalf) out.push_back(border);  // not the guest's own tables
        for (const u64 distance : {2 * GiB, 4 * GiB, 64 * GiB, WindowArea::kGuardSize + 0}) {
            out.push_back(border + distance);
            out.push_back(border - distance);
        }
    }
    return out;
}

}  // namespace

const std::vector<Gva>& user_islands() {
    static const std::vector<Gva> islands = [] {
        std::vector<Gva> v{0x410000};
        for (const u64 n : {1, 2, 255}) around(v, n * kRegion);
        for (const u64 d : {2 * GiB, 64 * GiB}) around(v, kRegion - d), around(v, kRegion + d);
        v.push_back(256 * kRegion - kPageSize);
        return v;
    }();
    return islands;
}

const std::vector<Gva>& kernel_islands() {
    static const std::vector<Gva> islands = [] {
        std::vector<Gva> v;
        for (const u64 n : {1, 2, 255}) around(v, kKernelHalf + n * kRegion);
        for (const u64 d : {2 * GiB, 64 * GiB}) around(v, kKernelHalf + kRegion + d);
        v.push_back(~u64{0} << 31);
        v.push_back(~u64{0} << 12);
        return v;
    }();
    return islands;
}

std::pair<u64, u64> look_at_host() {
    std::pair<u64, u64> area;
    host.clear();
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        u64 begin = 0, end = 0;
        char dash = 0;
        std::istringstream(line) >> std::hex >> begin >> dash >> end;
        host.emplace_back(begin, end);
        if (end - begin > 30'000 * GiB) area = host.back();  // nothing else is that large
    }
    first_window = area.first + WindowArea::kGuardSize;
    return area;
}

std::vector<u64> wild_pointers(u64 seed) {
    diff::Random random(seed);
    std::vector<u64> out = near_borders();
    for (unsigned n = 0; n < 16; ++n) out.push_back(random.next());
    for (unsigned n = 0; n < 16; ++n) out.push_back(static_cast<u64>(static_cast<i64>(random.next() << 16) >> 16));
    add_host(out, random);
    return out;
}

std::vector<u8> wild_program(u64 seed, Gva at, Gva end) {
    CodeHolder code;
    code.init(Environment::host(), at);
    x86::Assembler a(&code);
    diff::Random random(seed * 3);
    Generator generator(seed, a);
    for (u64 n = 4 + random.below(60); n > 0; --n) generator.instruction();
    const u64 last = random.below(8);
    if (last == 0) a.ret();
    if (last == 1) a.call(x86::qword_ptr(x86::gpq(static_cast<u32>(random.below(16)))));
    if (last == 2) a.jmp(x86::qword_ptr(x86::gpq(static_cast<u32>(random.below(16)))));
    a.jmp(end);
    REQUIRE(code.flatten() == kErrorOk);
    REQUIRE(code.resolveUnresolvedLinks() == kErrorOk);
    REQUIRE(code.relocateToBase(at) == kErrorOk);
    const auto& buffer = code.textSection()->buffer();
    return {buffer.data(), buffer.data() + buffer.size()};
}

}  // namespace twin86::test
