#include "devices/display/vga_renderer.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "devices/display/linear_scan.h"

namespace twin86 {
namespace {

constexpr unsigned kOffWidth = 720, kOffHeight = 400;
constexpr u64 kFrameNs = 1'000'000'000 / 60, kCursorFrames = 16, kTextFrames = 32;
// Registers make at most 257 columns of 9 dots and 2048 lines; VBE registers are bounded by their maxima, which are far
// more than the memory holds.
constexpr unsigned kMaxWidth = 4096, kMaxHeight = 4096;

/// Without what only the ports see.
VgaRegisters visible_part(VgaRegisters r) {
    r.sequencer_index = r.crtc_index = r.graphics_index = 0;
    r.attribute_index &= 0x20;
    r.attribute_data_next = r.dac_reading = false;
    r.dac_read_index = r.dac_write_index = r.dac_component = 0;
    r.dac_pending = {};
    r.latches = {};
    r.misc_output = r.feature_control = 0;
    r.sequencer[2] = 0;  // map mask
    for (unsigned i : {0, 1, 2, 3, 4, 7, 8}) r.graphics[i] = 0;
    return r;
}

ScreenGeometry drawable(const VgaFrame& frame) {
    ScreenGeometry g = frame.geometry();
    if (g.width == 0 || g.height == 0 || g.width > kMaxWidth || g.height > kMaxHeight) g = ScreenGeometry();
    if (g.kind == ScreenKind::kBlank) g.width = kOffWidth, g.height = kOffHeight;
    return g;
}

/// Draws any line of one frame.
class LineDrawer {
  public:
    LineDrawer(const VgaFrame& frame, const ScreenGeometry& g, std::span<const u8> memory)
        : geometry_(g),
          memory_(memory),
          dac_(dac_colours(frame.registers, frame.vbe.dac_8_bit())),
          scan_(frame.registers, geometry_, memory, dac_, frame.blink) {}

    void draw(unsigned y, u32* to) const {
        switch (geometry_.kind) {
            case ScreenKind::kBlank:
                std::fill_n(to, geometry_.width, 0);
                break;
            case ScreenKind::kLinear:
                scan_linear_line(geometry_, memory_, dac_, y, to);
                break;
            case ScreenKind::kText:
            case ScreenKind::kPlanar:
                scan_.line(y, to);
        }
    }

  private:
    const ScreenGeometry& geometry_;
    std::span<const u8> memory_;
    std::array<u32, 256> dac_;
    VgaScan scan_;
};

void append_line(std::vector<LineRange>& ranges, unsigned y) {
    if (!ranges.empty() && ranges.back().end == y)
        ++ranges.back().end;
    else
        ranges.push_back({y, y + 1});
}

}  // namespace

bool VgaFrame::looks_like(const VgaFrame& other) const {
    return geometry() == other.geometry() && blink == other.blink && vbe.dac_8_bit() == other.vbe.dac_8_bit() &&
           visible_part(registers) == visible_part(other.registers);
}

BlinkPhase blink_phase(u64 now_ns) {
    const u64 frame = now_ns / kFrameNs;
    return {frame / kCursorFrames % 2 == 0, frame / kTextFrames % 2 == 0};
}

Surface render(const VgaFrame& frame, std::span<const u8> memory) {
    const ScreenGeometry g = drawable(frame);
    const LineDrawer drawer(frame, g, memory);
    Surface surface;
    surface.resize(g.width, g.height);
    for (unsigned y = 0; y < g.height; ++y) drawer.draw(y, surface.row(y));
    return surface;
}

/// In linear modes the pages say which lines; elsewhere the planes' addresses wind through the memory, and the picture
/// is small.
std::vector<bool> Painter::lines_to_draw(const Written& written, u64 memory_bytes) const {
    std::vector<bool> lines(geometry_.height, written.anywhere);
    if (written.anywhere || geometry_.kind != ScreenKind::kLinear) return lines;
    std::vector<bool> page_written(memory_bytes / kPageSize + 1);
    for (const u64 page : written.pages)
        if (page < memory_bytes) page_written[page / kPageSize] = true;
    for (unsigned y = 0; y < geometry_.height; ++y) {
        const auto [first, end] = linear_line_bytes(geometry_, memory_bytes, y);
        for (u64 at = first; at < end && !lines[y]; at = (at / kPageSize + 1) * kPageSize)
            lines[y] = page_written[at / kPageSize];
    }
    return lines;
}

std::vector<LineRange> Painter::update(const VgaFrame& frame, std::span<const u8> memory, const Written& written) {
    const ScreenGeometry g = drawable(frame);
    const bool resized = !drawn_ || g.width != surface_.width || g.height != surface_.height;
    const bool all = resized || written.anywhere || !frame.looks_like(frame_);
    if (!all && written.pages.empty()) return {};
    if (resized) surface_.resize(g.width, g.height);
    frame_ = frame;
    geometry_ = g;
    drawn_ = true;
    const std::vector<bool> wanted = lines_to_draw({all, written.pages}, memory.size());
    const LineDrawer drawer(frame_, geometry_, memory);
    std::vector<LineRange> changed;
    std::vector<u32> line(g.width);
    for (unsigned y = 0; y < g.height; ++y) {
        if (!wanted[y]) continue;
        drawer.draw(y, line.data());
        u32* const old = surface_.row(y);
        if (!resized && std::equal(line.begin(), line.end(), old)) continue;
        std::copy(line.begin(), line.end(), old);
        append_line(changed, y);
    }
    return changed;
}

}  // namespace twin86
