// Surface: a picture in host memory, 0x00RRGGBB for each pixel, rows from top to bottom without gaps.
#pragma once

#include <vector>

#include "base/types.h"

namespace twin86 {

struct Surface {
    unsigned width = 0, height = 0;
    std::vector<u32> pixels;

    void resize(unsigned w, unsigned h) {
        width = w;
        height = h;
        pixels.assign(std::size_t{w} * h, 0);
    }
    u32* row(unsigned y) { return pixels.data() + std::size_t{y} * width; }
    const u32* row(unsigned y) const { return pixels.data() + std::size_t{y} * width; }
};

/// Lines [first, end).
struct LineRange {
    unsigned first = 0, end = 0;
    bool operator==(const LineRange&) const = default;
};

}  // namespace twin86
