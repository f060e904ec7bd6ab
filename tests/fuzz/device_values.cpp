#include "tests/fuzz/device_values.h"

#include <bit>

namespace twin86::fuzz {

unsigned some_size(Random& r, unsigned largest) {
    return 1u << r.below(std::bit_width(largest));
}

u64 some_value(Random& r) {
    switch (r.below(8)) {
        case 0:
            return 0;
        case 1:
            return ~u64{0};
        case 2:
            return u64{1} << r.below(64);
        case 3:
            return (u64{1} << r.below(64)) - 1 - r.below(2);
        case 4:
            return some_address(r);
        case 5:
            return r.next();
        default:
            return r.below(300);
    }
}

Gpa some_address(Random& r) {
    constexpr Gpa kEdges[] = {DeviceRig::kLowRam, 4 * GiB, 4 * GiB + DeviceRig::kHighRam, 0xa0000, 0xc0000, 0xf0000, 1 * MiB, 0x80000000,
                              0xc0000000, 0xfec00000, 0xfee00000, u64{1} << 32, u64{1} << 36, u64{1} << 40, u64{1} << 52, 0};
    switch (r.below(8)) {
        case 0:
            return kEdges[r.below(std::size(kEdges))] - r.below(0x40);
        case 1:
            return kEdges[r.below(std::size(kEdges))] + r.below(0x2000) - 0x1000;
        case 2:
            return r.next();
        case 3:
            return 4 * GiB + r.below(DeviceRig::kHighRam);
        default:
            return r.chance(800) ? some_place(r, 2) : r.below(DeviceRig::kLowRam);
    }
}

Gpa some_place(Random& r, u64 alignment) {
    return kArena + align_down(r.below(kArenaSize - alignment), alignment);
}

}  // namespace twin86::fuzz
