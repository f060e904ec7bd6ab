#include "devices/display/vga_window.h"

#include <algorithm>
#include <bit>

namespace twin86 {
namespace {

enum Graphics : unsigned {
    kSetReset = 0,
    kEnableSetReset = 1,
    kColourCompare = 2,
    kDataRotate = 3,
    kReadMapSelect = 4,
    kMode = 5,
    kMiscellaneous = 6,
    kColourDontCare = 7,
    kBitMask = 8
};

constexpr u8 fill(unsigned bits, unsigned plane) {
    return (bits >> plane & 1) != 0 ? 0xff : 0x00;
}

u8 combine(unsigned function, u8 value, u8 latch) {
    switch (function & 3) {
        case 1:
            return value & latch;
        case 2:
            return value | latch;
        case 3:
            return value ^ latch;
        default:
            return value;
    }
}

}  // namespace

std::optional<u32> VgaWindow::decode(u32 offset) const {
    if ((r_.misc_output & 0x02) == 0) return std::nullopt;
    struct Range {
        u32 first, size;
    };
    static constexpr Range kRanges[] = {{0, 0x20000}, {0, 0x10000}, {0x10000, 0x8000}, {0x18000, 0x8000}};
    const Range range = kRanges[r_.graphics[kMiscellaneous] >> 2 & 3];
    if (offset - range.first >= range.size) return std::nullopt;
    return offset - range.first;
}

/// With odd/even chaining on, bit 0 selects the planes and something else takes its place in the address.
u32 VgaWindow::odd_even_address(u32 address) const {
    if ((r_.graphics[kMiscellaneous] & 0x02) == 0) return address;
    const bool whole_window = (r_.graphics[kMiscellaneous] >> 2 & 3) == 0;
    const u32 page = whole_window ? address >> 16 & 1 : (r_.misc_output & 0x20) == 0;
    return (address & ~1u) | page;
}

/// Chain 4 leaves two address bits free, which take bits 14 and 15: the display's doubleword mode has them there, too.
VgaWindow::Target VgaWindow::target(u32 address, u32 bank) const {
    const u32 base = bank << 16;
    if (r_.chain_4()) return {base + ((address & 0xfffc) | (address >> 14 & 3)), static_cast<u8>(1 << (address & 3))};
    if (r_.odd_even())
        return {base + (odd_even_address(address) & 0xffff), static_cast<u8>((address & 1) != 0 ? 0x0a : 0x05)};
    return {base + (address & 0xffff), 0x0f};
}

u8 VgaWindow::compare_colours() const {
    u8 equal = 0xff;
    for (unsigned p = 0; p < 4; ++p)
        if ((r_.graphics[kColourDontCare] >> p & 1) != 0)
            equal &= static_cast<u8>(~(r_.latches[p] ^ fill(r_.graphics[kColourCompare], p)));
    return equal;
}

u8 VgaWindow::read(u32 offset, u32 bank) {
    const std::optional<u32> address = decode(offset);
    if (!address) return 0xff;
    const Target t = target(*address, bank);
    std::copy_n(group(t.address), 4, r_.latches.begin());
    if ((r_.graphics[kMode] & 0x08) != 0) return compare_colours();
    if (r_.chain_4()) return r_.latches[*address & 3];
    const unsigned map = r_.graphics[kReadMapSelect] & 3u;
    const bool odd_even = (r_.graphics[kMode] & 0x10) != 0;
    return r_.latches[odd_even ? (map & 2) | (*address & 1) : map];
}

std::array<u8, 4> VgaWindow::computed(u8 value) const {
    const auto& g = r_.graphics;
    const unsigned write_mode = g[kMode] & 3;
    const u8 rotated = std::rotr(value, g[kDataRotate] & 7);
    const u8 mask = write_mode == 3 ? rotated & g[kBitMask] : g[kBitMask];
    std::array<u8, 4> result{};
    for (unsigned p = 0; p < 4; ++p) {
        const bool from_register = write_mode == 3 || (g[kEnableSetReset] >> p & 1) != 0;
        u8 data = write_mode == 2 ? fill(value, p) : from_register ? fill(g[kSetReset], p) : rotated;
        data = combine(g[kDataRotate] >> 3, data, r_.latches[p]);
        result[p] = static_cast<u8>((data & mask) | (r_.latches[p] & ~mask));
    }
    return result;
}

bool VgaWindow::write(u32 offset, u8 value, u32 bank) {
    const std::optional<u32> address = decode(offset);
    if (!address) return false;
    const Target t = target(*address, bank);
    const u8 planes = t.planes & r_.sequencer[2];
    const bool copy_latches = (r_.graphics[kMode] & 3) == 1;
    const std::array<u8, 4> data = copy_latches ? r_.latches : computed(value);
    u8* const bytes = group(t.address);
    for (unsigned p = 0; p < 4; ++p)
        if ((planes >> p & 1) != 0) bytes[p] = data[p];
    return planes != 0;
}

}  // namespace twin86
