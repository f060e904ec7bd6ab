// Fixed-width integers and the address types that every folder speaks.
#pragma once

#include <cstddef>
#include <cstdint>

namespace twin86 {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i8 = std::int8_t;
using i16 = std::int16_t;
using i32 = std::int32_t;
using i64 = std::int64_t;

using Gva = u64;    ///< Guest linear (virtual) address.
using Gpa = u64;    ///< Guest physical address.
using Hva = u8*;    ///< Host address of guest memory.
using IoPort = u16; ///< x86 I/O port number.

constexpr u64 kPageSize = 4096;
constexpr u64 kPageMask = ~(kPageSize - 1);

constexpr u64 KiB = 1024;
constexpr u64 MiB = 1024 * KiB;
constexpr u64 GiB = 1024 * MiB;

}  // namespace twin86
