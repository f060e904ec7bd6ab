// Numbers that devices may stumble over: addresses at the ends of memory, counts at the ends of registers.
#pragma once

#include <span>
#include <vector>

#include "tests/fuzz/device_rig.h"

namespace twin86::fuzz {

/// Where a case keeps rings, tables and buffers.
constexpr Gpa kArena = 1 * MiB;
constexpr u64 kArenaSize = 2 * MiB;

/// An access of a processor: 1, 2, 4 or 8 bytes.
unsigned some_size(Random& r, unsigned largest);
/// Zero, all ones, single bits, small numbers, addresses, anything.
u64 some_value(Random& r);
/// Mostly in RAM; also where RAM ends, in ROM, in device memory, nowhere.
Gpa some_address(Random& r);
/// In the arena.
Gpa some_place(Random& r, u64 alignment);

/// Little-endian bytes of a structure that is put together for a device.
class Structure {
  public:
    explicit Structure(std::size_t size) : bytes_(size) {}
    void set(std::size_t offset, unsigned size, u64 value) {
        for (unsigned i = 0; i < size; ++i) bytes_[offset + i] = static_cast<u8>(value >> 8 * i);
    }
    void set_big_endian(std::size_t offset, unsigned size, u64 value) {
        for (unsigned i = 0; i < size; ++i) bytes_[offset + i] = static_cast<u8>(value >> 8 * (size - 1 - i));
    }
    std::span<const u8> bytes() const { return bytes_; }

  private:
    std::vector<u8> bytes_;
};

}  // namespace twin86::fuzz
