#include <cstring>
#include <vector>

#include "tests/diff/case.h"
#include "tests/diff/random.h"

namespace twin86::diff {

namespace {

constexpr u64 kPatternSize = 256 * KiB;

constexpr u64 kEdges[] = {
    0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000,
    0xffffffffffffffff,
    // floats and doubles: one, zeros, infinities, NaNs quiet and signalling, denormals
    0x3f8000003f800000, 0x3ff0000000000000, 0xbff0000000000000, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000,
    0x7ff0000000000001, 0x0000000000000001, 0x000fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff, 0x7f8000007f800001,
    0x7fc00000ff800000, 0x007fffff00800000, 0x3c003c007c007e00, 0x4059000000000000, 0x42c8000041200000,
};

std::vector<u8> make_pattern() {
    std::vector<u8> bytes(kPatternSize + kDataSize);
    Random r(86);
    u64 at = 0;
    while (at + 64 <= bytes.size()) {
        const unsigned kind = static_cast<unsigned>(r.below(8));
        for (unsigned i = 0; i < 8; ++i, at += 8) {
            u64 v = r.next();
            if (kind == 0) v = kEdges[r.below(std::size(kEdges))];
            if (kind == 1) v = 0;
            if (kind == 2) v = 0x6162630020206465 ^ (r.next() & 0x0101010001010101);
            if (kind == 3) v = (v & 0x800fffffffffffff) | (0x3f0 + r.below(32)) << 52;  // doubles near one
            if (kind == 4) v = (v & 0x807fffff807fffff) | (0x78 + r.below(16)) << 23 | (0x78 + r.below(16)) << 55;
            std::memcpy(&bytes[at], &v, 8);
        }
    }
    return bytes;
}

}  // namespace

const u8* data_pattern(u32 seed) {
    static const std::vector<u8> pattern = make_pattern();
    return &pattern[seed * 64ull % kPatternSize];
}

}  // namespace twin86::diff
