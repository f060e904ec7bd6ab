#include "devices/display/palette.h"

namespace twin86 {
namespace {

u32 widened(u8 component, bool dac_8_bit) {
    if (dac_8_bit) return component;
    const u32 six = component & 0x3f;
    return six << 2 | six >> 4;
}

}  // namespace

std::array<u32, 256> dac_colours(const VgaRegisters& r, bool dac_8_bit) {
    std::array<u32, 256> colours{};
    for (unsigned i = 0; i < 256; ++i) {
        const unsigned entry = (i & r.dac_mask) * 3;
        colours[i] = widened(r.dac[entry], dac_8_bit) << 16 | widened(r.dac[entry + 1], dac_8_bit) << 8 |
                     widened(r.dac[entry + 2], dac_8_bit);
    }
    return colours;
}

u8 attribute_to_dac(const VgaRegisters& r, u8 attribute) {
    const u8 enabled = attribute & r.attribute[0x12] & 0x0f;
    const u8 entry = r.attribute[enabled] & 0x3f;
    const u8 select = r.attribute[0x14];
    const bool replace_4_and_5 = (r.attribute[0x10] & 0x80) != 0;
    const u8 low = replace_4_and_5 ? static_cast<u8>((entry & 0x0f) | (select & 0x03) << 4) : entry;
    return static_cast<u8>(low | (select & 0x0c) << 4);
}

std::array<u32, 16> attribute_colours(const VgaRegisters& r, const std::array<u32, 256>& dac) {
    std::array<u32, 16> colours{};
    for (u8 a = 0; a < 16; ++a) colours[a] = dac[attribute_to_dac(r, a)];
    return colours;
}

}  // namespace twin86
