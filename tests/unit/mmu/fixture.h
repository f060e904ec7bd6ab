// A small machine memory for the tests of this folder.
#pragma once

#include <cstring>

#include "mmu/page_walk.h"
#include "mmu/phys_map.h"

#include <catch2/catch.hpp>  // last: its CHECK replaces that of base/check.h

namespace twin86 {

struct Memory {
    explicit Memory(u64 size = 4 * MiB, u64 low = 3 * MiB) : ram(GuestRam::create(size).take()), map(PhysMap::create(ram, low, bus).take()) {}

    template <class T>
    void put(Gpa at, T value) {
        std::memcpy(map->ram_page(at) + at % kPageSize, &value, sizeof value);
    }
    template <class T>
    T get(Gpa at) const {
        T value;
        std::memcpy(&value, map->ram_page(at) + at % kPageSize, sizeof value);
        return value;
    }

    MmioBus bus;
    GuestRam ram;
    std::unique_ptr<PhysMap> map;
};

inline constexpr u64 kCr0 = u64{1} << 31 | 1, kWp = 1 << 16;
inline constexpr u64 kPse = 1 << 4, kPae = 1 << 5, kPge = 1 << 7, kLa57 = 1 << 12, kSmep = 1 << 20, kSmap = 1 << 21;
inline constexpr u64 kLma = 1 << 10, kNxe = 1 << 11;
inline constexpr u64 kP = 1, kRw = 2, kUs = 4, kA = 0x20, kD = 0x40, kPs = 0x80, kG = 0x100, kXd = u64{1} << 63;

}  // namespace twin86
