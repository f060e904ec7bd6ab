#include "devices/display/vga_timing.h"

namespace twin86 {
namespace {

constexpr u64 kDotClock25 = 25'175'000, kDotClock28 = 28'322'000;
constexpr u64 kSecond = 1'000'000'000;

constexpr VgaTiming kText70Hz{31'777, 31'777 * 449, 25'422, 400, 412, 414};

unsigned vertical_total(const VgaRegisters& r) {
    return (r.crtc[0x06] | (r.crtc[0x07] & 0x01u) << 8 | (r.crtc[0x07] & 0x20u) << 4) + 2;
}

unsigned retrace_start(const VgaRegisters& r) {
    return r.crtc[0x10] | (r.crtc[0x07] & 0x04u) << 6 | (r.crtc[0x07] & 0x80u) << 2;
}

u64 dot_clock(const VgaRegisters& r) {
    const u64 clock = (r.misc_output & 0x0c) == 0x04 ? kDotClock28 : kDotClock25;
    return (r.sequencer[1] & 0x08) != 0 ? clock / 2 : clock;
}

}  // namespace

VgaTiming vga_timing(const VgaRegisters& r) {
    const unsigned total_characters = r.crtc[0x00] + 5u, shown_characters = r.crtc[0x01] + 1u;
    const unsigned total_lines = vertical_total(r);
    VgaTiming t;
    t.shown_lines = r.displayed_lines();
    t.retrace_first = retrace_start(r);
    // The end register holds the low four bits of the line where the retrace ends.
    t.retrace_end = t.retrace_first + (((r.crtc[0x11] & 0x0fu) - t.retrace_first) & 0x0f);
    if (shown_characters >= total_characters || t.shown_lines >= total_lines || t.retrace_end > total_lines ||
        t.retrace_end == t.retrace_first)
        return kText70Hz;
    const u64 character_ps = r.character_width() * (kSecond * 1000 / dot_clock(r));
    t.line_ns = total_characters * character_ps / 1000;
    t.shown_ns_of_line = shown_characters * character_ps / 1000;
    t.frame_ns = t.line_ns * total_lines;
    return t;
}

u8 vga_beam_status(const VgaRegisters& r, u64 now_ns) {
    const VgaTiming t = vga_timing(r);
    const u64 in_frame = now_ns % t.frame_ns;
    const u64 line = in_frame / t.line_ns;
    const bool shown = line < t.shown_lines && in_frame % t.line_ns < t.shown_ns_of_line;
    const bool retrace = line >= t.retrace_first && line < t.retrace_end;
    return static_cast<u8>((shown ? 0 : 0x01) | (retrace ? 0x08 : 0));
}

}  // namespace twin86
