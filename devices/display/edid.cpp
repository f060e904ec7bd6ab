#include "devices/display/edid.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace twin86 {
namespace {

using Block = std::array<u8, 128>;

constexpr unsigned kDotsPerInch = 100;

/// Three letters in five bits each, big endian (3.4.1).
constexpr u16 manufacturer(const char (&name)[4]) {
    return static_cast<u16>((name[0] - '@') << 10 | (name[1] - '@') << 5 | (name[2] - '@'));
}

void put_manufacturer(Block& e) {
    constexpr u16 kName = manufacturer("TWN");
    e[8] = kName >> 8;
    e[9] = kName & 0xff;
    e[10] = 0x86;  // product code
    e[16] = 0xff;  // model year
    e[17] = 2026 - 1990;
    e[18] = 1;
    e[19] = 4;
}

void put_display(Block& e, unsigned width, unsigned height) {
    const auto centimetres = [](unsigned pixels) {
        return static_cast<u8>(std::clamp(pixels * 254 / (kDotsPerInch * 100), 1u, 255u));
    };
    e[20] = 0xa0;  // digital, 8 bits for each colour
    e[21] = centimetres(width);
    e[22] = centimetres(height);
    e[23] = 120;   // gamma 2.2
    e[24] = 0x06;  // sRGB, the first timing is the native one
    // Chromaticity of sRGB (3.7).
    static constexpr u8 kSrgb[] = {0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54};
    std::copy(std::begin(kSrgb), std::end(kSrgb), e.begin() + 25);
    e[35] = 0x21;  // 640x480 and 800x600 at 60 Hz
    e[36] = 0x08;  // 1024x768 at 60 Hz
}

/// Standard timings (3.9): width, aspect ratio, 60 Hz.
void put_standard_timings(Block& e) {
    enum Aspect : u8 { k16To10 = 0x00, k4To3 = 0x40, k5To4 = 0x80, k16To9 = 0xc0 };
    static constexpr std::pair<unsigned, u8> kTimings[] = {{1280, k16To10}, {1280, k5To4}, {1280, k16To9},
                                                           {1440, k16To10}, {1600, k4To3}, {1600, k16To9},
                                                           {1680, k16To10}, {1920, k16To9}};
    for (unsigned i = 0; i < std::size(kTimings); ++i) {
        e[38 + 2 * i] = static_cast<u8>(kTimings[i].first / 8 - 31);
        e[39 + 2 * i] = kTimings[i].second;
    }
}

/// Detailed timing descriptor (3.10.2); blanking is what reduced-blanking timings have (VESA CVT 1.1).
void put_detailed_timing(Block& e, unsigned width, unsigned height) {
    constexpr unsigned kBlankDots = 160, kFrontPorch = 48, kSync = 32;
    constexpr unsigned kBlankLines = 35, kFrontLines = 3, kSyncLines = 6;
    const unsigned clock_10khz = std::min((width + kBlankDots) * (height + kBlankLines) * 60 / 10000, 0xffffu);
    const auto high = [](unsigned a, unsigned b) { return static_cast<u8>((a >> 8 & 15) << 4 | (b >> 8 & 15)); };
    const unsigned mm_wide = width * 254 / (kDotsPerInch * 10), mm_high = height * 254 / (kDotsPerInch * 10);
    const u8 descriptor[18] = {static_cast<u8>(clock_10khz),
                               static_cast<u8>(clock_10khz >> 8),
                               static_cast<u8>(width),
                               kBlankDots,
                               high(width, kBlankDots),
                               static_cast<u8>(height),
                               kBlankLines,
                               high(height, kBlankLines),
                               kFrontPorch,
                               kSync,
                               kFrontLines << 4 | kSyncLines,
                               0,
                               static_cast<u8>(mm_wide),
                               static_cast<u8>(mm_high),
                               high(mm_wide, mm_high),
                               0,
                               0,
                               0x1a};
    std::copy(std::begin(descriptor), std::end(descriptor), e.begin() + 54);
}

/// Display descriptors (3.10.3): what the monitor can do, and its name.
void put_descriptors(Block& e) {
    static constexpr u8 kRange[18] = {0, 0, 0, 0xfd, 0, 50, 125, 30, 160, 60, 0x01, '\n', ' ', ' ', ' ', ' ', ' ', ' '};
    static constexpr u8 kName[18] = {0,   0,   0,    0xfc, 0,   'T', 'w', 'i', 'n',
                                     '8', '6', '\n', ' ',  ' ', ' ', ' ', ' ', ' '};
    std::copy(std::begin(kRange), std::end(kRange), e.begin() + 72);
    std::copy(std::begin(kName), std::end(kName), e.begin() + 90);
    e[108 + 3] = 0x10;  // the last descriptor is a dummy
}

}  // namespace

Block make_edid(unsigned width, unsigned height) {
    Block e{};
    std::fill(e.begin() + 1, e.begin() + 7, u8{0xff});
    put_manufacturer(e);
    put_display(e, width, height);
    put_standard_timings(e);
    put_detailed_timing(e, width, height);
    put_descriptors(e);
    e[127] = static_cast<u8>(0u - std::accumulate(e.begin(), e.end() - 1, 0u));
    return e;
}

}  // namespace twin86
