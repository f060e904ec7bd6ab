// The memory map that firmware reports, and where the loaders may put things. Types as in ACPI 6.4, table 15.4.
#pragma once

#include <optional>
#include <vector>

#include "base/types.h"

namespace twin86 {

enum class MemoryType : u32 { kUsable = 1, kReserved = 2, kAcpiTables = 3, kAcpiNvs = 4 };

struct MemoryRange {
    Gpa base = 0;
    u64 size = 0;
    MemoryType type = MemoryType::kUsable;

    Gpa end() const { return base + size; }
    bool operator==(const MemoryRange&) const = default;
};

using MemoryMap = std::vector<MemoryRange>;

constexpr Gpa kEbdaBase = 0x9fc00;   ///< end of conventional memory, 639 KiB
constexpr Gpa kVideoHole = 0xa0000;  ///< frame buffer and option ROMs
constexpr Gpa kBiosArea = 0xf0000;   ///< the RSDP is found here
constexpr Gpa kExtendedMemory = 0x100000;
constexpr Gpa kHighMemory = 4 * GiB;

/// The map of a PC with RAM 0..low_size and 4 GiB..4 GiB + high_size. `firmware` lists what firmware keeps for itself
/// at the top of low RAM (ACPI tables); it ends at low_size. Sorted, without gaps inside low RAM above 1 MiB.
MemoryMap pc_memory_map(u64 low_size, u64 high_size, const MemoryMap& firmware = {});

/// Puts a range between the others.
void reserve(MemoryMap& map, const MemoryRange& range);

/// Hands out pieces of the usable part of a map.
class BootAllocator {
  public:
    explicit BootAllocator(const MemoryMap& map);

    /// Takes exactly [base, base + size); false when a byte of it is not free.
    bool claim(Gpa base, u64 size);
    /// Takes the lowest (highest) aligned piece inside [from, to).
    std::optional<Gpa> lowest(u64 size, u64 alignment, Gpa from, Gpa to);
    std::optional<Gpa> highest(u64 size, u64 alignment, Gpa from, Gpa to);
    /// The largest free piece inside [from, to): for error messages.
    u64 largest(Gpa from, Gpa to) const;

  private:
    struct Piece {
        Gpa base, end;
    };
    std::vector<Piece> free_;  // sorted
};

}  // namespace twin86
