#include "devices/display/screen_geometry.h"

namespace twin86 {
namespace {

ScreenGeometry linear(const VbeRegisters& vbe) {
    ScreenGeometry g;
    g.kind = ScreenKind::kLinear;
    g.width = vbe.width();
    g.height = vbe.height();
    g.depth = vbe.depth();
    g.start_byte = vbe.start_byte();
    g.line_bytes = vbe.line_bytes();
    return g;
}

ScreenGeometry vbe_planar(const VbeRegisters& vbe) {
    ScreenGeometry g;
    g.kind = ScreenKind::kPlanar;
    g.columns = vbe.width() / 8;
    g.width = g.columns * 8;
    g.height = vbe.height();
    g.start = vbe.start_byte();
    g.row_step = vbe.line_bytes();
    g.wide_addresses = true;
    return g;
}

/// How often each row of a graphics mode is shown. Modes that put scan line bits into the address (CGA's) do not
/// repeat.
unsigned repeat(const VgaRegisters& r) {
    const unsigned doubled = (r.crtc[0x09] & 0x80) != 0 ? 2 : 1;
    if (!r.graphics_mode() || (r.crtc[0x17] & 0x03) != 0x03) return doubled;
    return doubled * r.character_height();
}

}  // namespace

ScreenGeometry screen_geometry(const VgaRegisters& r, const VbeRegisters& vbe) {
    if (!r.display_on()) return {};
    if (vbe.enabled()) return vbe.depth() == 4 ? vbe_planar(vbe) : linear(vbe);
    ScreenGeometry g;
    g.kind = r.graphics_mode() ? ScreenKind::kPlanar : ScreenKind::kText;
    g.columns = r.crtc[0x01] + 1u;
    g.character_width = g.kind == ScreenKind::kText ? r.character_width() : (r.graphics[5] & 0x40) != 0 ? 4 : 8;
    g.line_repeat = repeat(r);
    g.width = g.columns * g.character_width;
    const unsigned lines = r.displayed_lines() * ((r.crtc[0x17] & 0x04) != 0 ? 2 : 1);
    g.height = lines / g.line_repeat;
    g.line_compare = r.line_compare() / g.line_repeat;
    g.start = r.start_address() + (r.crtc[0x08] >> 5 & 3u);
    g.row_step = r.crtc[0x13] * 2u;
    return g;
}

}  // namespace twin86
