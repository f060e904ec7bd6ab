// Program: the instructions of a case, movable and removable: branches name items, not distances.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "tests/diff/case.h"

namespace twin86::diff {

/// A field of an instruction that depends on where things lie.
enum class Fix : u8 {
    kNone,
    kBranch8,   ///< distance to an item
    kBranch16,
    kBranch32,
    kItem32,    ///< RIP-relative address of an item
    kItemAbs16, ///< address of an item, in the program's segment or another
    kItemAbs32, ///< the same (code lies below 2 GiB)
    kData32,    ///< RIP-relative address of data
};

struct Item {
    u8 bytes[16] = {};
    u8 length = 0;
    u16 mnemonic = 0;   ///< 0: not an instruction, or several
    Fix fix = Fix::kNone;
    u8 fix_at = 0;      ///< where the field is in `bytes`
    u16 target = 0;     ///< item number; the number of items: the end
    Gva address = 0;    ///< kData32: of the data; kItemAbs: base of the segment it is for, from that of the program's on
};

/// An item of bytes that no decoder has seen.
Item raw(std::initializer_list<unsigned> bytes, Fix fix = Fix::kNone, u8 fix_at = 0, std::size_t target = 0);

struct Program {
    std::vector<Item> items;

    /// The bytes for this address; nothing when a short branch does not reach.
    std::optional<std::vector<u8>> assemble(Gva at) const;
    /// Takes item n out; branches to it go to what follows.
    void remove(std::size_t n);
};

struct Case {
    Program program;
    MachineState in{};
    u32 data_seed = 0;
    u32 code_offset = 0;
    u32 bits = 64;
    bool loads_segments = false;

    /// False: does not assemble or fit.
    bool to_job(Job& job) const;
    /// RIP of the first byte.
    Gva start() const { return (bits == 16 ? 0 : kCodeBase) + code_offset; }
    /// Listing and the registers it starts from.
    std::string describe() const;
};

}  // namespace twin86::diff
