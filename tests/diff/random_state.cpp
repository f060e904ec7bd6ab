#include "tests/diff/random_state.h"

#include <algorithm>
#include <cstring>

#include "cpu/state/host_cpuid.h"
#include "tests/lib/jit_guest.h"

namespace twin86::diff {

namespace {

const HostCpuid& host() {
    static const HostCpuid h = HostCpuid::probe();
    return h;
}

template <class T>
void put(u8* at, T value) {
    std::memcpy(at, &value, sizeof value);
}

/// An 80-bit number: mostly a normal one of moderate size.
void random_x87(Random& r, u8* at) {
    u64 mantissa = r.next() | u64{1} << 63;
    u16 exponent = static_cast<u16>(0x3fff + r.below(80) - 40);
    switch (r.below(12)) {
        case 0: mantissa = 0, exponent = 0; break;
        case 1: mantissa = u64{1} << 63, exponent = 0x7fff; break;  // infinity
        case 2: exponent = 0x7fff; break;                           // NaN
        case 3: mantissa >>= 1, exponent = 0; break;                // denormal
        case 4: mantissa = r.next(), exponent = static_cast<u16>(r.next()) & 0x7fff; break;  // perhaps unnormal
        case 5: mantissa = u64{1} << 63, exponent = 0x3fff; break;
        case 6: mantissa = (r.below(1000) + 1) << 53 | u64{1} << 63, exponent = 0x3fff + 10; break;
        default: break;
    }
    put<u64>(at, mantissa);
    put<u16>(at + 8, static_cast<u16>(exponent | (r.next() & 0x8000)));
}

void random_x87_state(Random& r, u8* x) {
    u16 fcw = static_cast<u16>(0x007f | (r.next() & 0x0f00));
    if (r.chance(100)) fcw &= static_cast<u16>(0xff40 | r.below(64));
    u16 fsw = static_cast<u16>(r.next() & 0x7f7f);
    if (r.chance(900)) fsw &= 0x7f40;
    // ES and B follow from unmasked flags.
    if (fsw & ~fcw & 0x3f) fsw |= 0x8080;
    put<u16>(x, fcw);
    put<u16>(x + 2, fsw);
    x[4] = static_cast<u8>(r.chance(500) ? r.next() : r.pick<u8>({0, 0xff, 0xff}));
    for (unsigned i = 0; i < 8; ++i) random_x87(r, x + 32 + i * 16);
}

u32 random_mxcsr(Random& r) {
    u32 m = 0x1f80 | (static_cast<u32>(r.next()) & 0xe040);  // rounding, FTZ, DAZ
    if (r.chance(500)) m = 0x1f80;
    if (r.chance(80)) m &= ~(static_cast<u32>(r.next()) & 0x1f80);
    if (r.chance(150)) m |= static_cast<u32>(r.next()) & 0x3f;
    return m;
}

}  // namespace

u64 random_value(Random& r) {
    switch (r.below(8)) {
        case 0: return r.below(4);
        case 1: return -r.below(4);
        case 2: return u64{1} << r.below(64);
        case 3: return (u64{1} << r.below(64)) - 1;
        case 4: return r.below(256);
        case 5: return static_cast<u64>(static_cast<i64>(static_cast<i32>(r.next())));
        default: return r.next();
    }
}

void plain_vector_state(MachineState& s) { test::reset_xsave(s.xsave); }

void random_state(Random& r, MachineState& s) {
    for (u64& g : s.gpr) g = random_value(r);
    s.rflags = r.next() & kFlagsArithmetic;
    if (r.chance(100)) s.rflags |= kFlagDF;
    s.fs_base = r.chance(700) ? r.below(16) * 0x1000 : r.next() & 0x7fff'ffff'ffff;
    s.gs_base = r.chance(700) ? r.below(16) * 0x1000 : r.next() & 0x7fff'ffff'ffff;
    std::memset(s.xsave, 0, 576);
    random_x87_state(r, s.xsave);
    put<u32>(s.xsave + 24, random_mxcsr(r));
    u64 present = 3;
    const u8* pattern = data_pattern(static_cast<u32>(r.next()));
    std::memcpy(s.xsave + 160, pattern, 256);
    for (const unsigned c : {2, 5, 6, 7}) {
        const XsaveRegion& region = host().xsave[c];
        if (!(host().xcr0 & (1u << c)) || region.offset + region.size > kXsaveAreaSize) continue;
        std::memcpy(s.xsave + region.offset, pattern + 256 * c, region.size);
        present |= 1u << c;
    }
    put<u64>(s.xsave + 512, present);
}

void set_vector(MachineState& s, unsigned n, const u8* bytes, unsigned size) {
    if (n >= 16) {
        if (host().xsave[7].size != 0) std::memcpy(s.xsave + host().xsave[7].offset + (n - 16) * 64, bytes, size);
        return;
    }
    std::memcpy(s.xsave + 160 + n * 16, bytes, std::min(size, 16u));
    if (size > 16) std::memcpy(s.xsave + host().xsave[2].offset + n * 16, bytes + 16, 16);
    if (size > 32) std::memcpy(s.xsave + host().xsave[6].offset + n * 32, bytes + 32, 32);
}

}  // namespace twin86::diff
