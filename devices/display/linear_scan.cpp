#include "devices/display/linear_scan.h"

#include <algorithm>
#include <cstring>

namespace twin86 {
namespace {

unsigned pixel_bytes(unsigned depth) {
    return (depth + 7) / 8;
}

u32 five_to_eight(u32 v) {
    return v << 3 | v >> 2;
}
u32 six_to_eight(u32 v) {
    return v << 2 | v >> 4;
}

u32 from_15(u32 v) {
    return five_to_eight(v >> 10 & 31) << 16 | five_to_eight(v >> 5 & 31) << 8 | five_to_eight(v & 31);
}

u32 from_16(u32 v) {
    return five_to_eight(v >> 11 & 31) << 16 | six_to_eight(v >> 5 & 63) << 8 | five_to_eight(v & 31);
}

u32 word(const u8* p) {
    return p[0] | p[1] << 8;
}

/// All pixels of one depth, so that the loop has no branch inside.
template <class Convert>
void convert(const u8* from, unsigned step, std::size_t count, u32* to, Convert pixel) {
    for (std::size_t i = 0; i < count; ++i) to[i] = pixel(from + i * step);
}

}  // namespace

std::pair<u64, u64> linear_line_bytes(const ScreenGeometry& g, u64 memory_bytes, unsigned y) {
    const u64 first = std::min(g.start_byte + y * g.line_bytes, memory_bytes);
    return {first, std::min(first + u64{g.width} * pixel_bytes(g.depth), memory_bytes)};
}

void scan_linear_line(const ScreenGeometry& g, std::span<const u8> memory, const std::array<u32, 256>& dac, unsigned y,
                      u32* to) {
    const auto [first, end] = linear_line_bytes(g, memory.size(), y);
    const unsigned step = pixel_bytes(g.depth);
    const std::size_t count = (end - first) / step;
    const u8* const from = memory.data() + first;
    switch (g.depth) {
        case 8:
            convert(from, 1, count, to, [&dac](const u8* p) { return dac[*p]; });
            break;
        case 15:
            convert(from, 2, count, to, [](const u8* p) { return from_15(word(p)); });
            break;
        case 16:
            convert(from, 2, count, to, [](const u8* p) { return from_16(word(p)); });
            break;
        case 24:
            convert(from, 3, count, to, [](const u8* p) { return word(p) | u32{p[2]} << 16; });
            break;
        default:
            convert(from, 4, count, to, [](const u8* p) { return word(p) | u32{p[2]} << 16; });
    }
    std::fill(to + count, to + g.width, 0);
}

}  // namespace twin86
