// Small bit arithmetic that the hardware descriptions need.
#pragma once

#include "base/types.h"

namespace twin86 {

constexpr u64 bit(unsigned n) { return u64{1} << n; }

/// Bits hi..lo (inclusive) of value, shifted down to bit 0.
constexpr u64 bits(u64 value, unsigned hi, unsigned lo) { return (value >> lo) & ((hi - lo == 63) ? ~u64{0} : bit(hi - lo + 1) - 1); }

/// The lowest n bytes of value.
constexpr u64 truncate(u64 value, unsigned bytes) { return bytes >= 8 ? value : value & (bit(bytes * 8) - 1); }

/// Sign-extends the lowest `bytes` bytes of value to 64 bits.
constexpr u64 sign_extend(u64 value, unsigned bytes) {
    const unsigned shift = 64 - bytes * 8;
    return static_cast<u64>(static_cast<i64>(value << shift) >> shift);
}

/// The widest naturally aligned access of 1, 2, 4 or 8 bytes at `address` that is not longer than `left` (not 0).
constexpr unsigned widest_aligned(u64 address, unsigned left) {
    unsigned n = 8;
    while (n > left || (address & (n - 1)) != 0) n /= 2;
    return n;
}

constexpr u64 align_down(u64 value, u64 power_of_two) { return value & ~(power_of_two - 1); }
constexpr u64 align_up(u64 value, u64 power_of_two) { return align_down(value + power_of_two - 1, power_of_two); }

}  // namespace twin86
