// The register file of a VGA as plain data: what the ports show and what the renderer reads. IBM, "PS/2 and PC Display
// Adapter Technical Reference: Video Subsystem", chapters on sequencer, CRT controller, graphics controller, attribute
// controller and video DAC.
#pragma once

#include <array>

#include "base/state_archive.h"
#include "base/types.h"

namespace twin86 {

struct VgaRegisters {
    static constexpr unsigned kSequencer = 5, kCrtc = 25, kGraphics = 9, kAttribute = 21;

    u8 misc_output = 0;
    u8 feature_control = 0;
    u8 sequencer_index = 0, crtc_index = 0, graphics_index = 0;
    u8 attribute_index = 0;  ///< bit 5: palette address source, the display is on
    bool attribute_data_next = false;
    std::array<u8, kSequencer> sequencer{};
    std::array<u8, kCrtc> crtc{};
    std::array<u8, kGraphics> graphics{};
    std::array<u8, kAttribute> attribute{};

    u8 dac_mask = 0xff;
    u8 dac_read_index = 0, dac_write_index = 0;
    u8 dac_component = 0;  ///< 0 red, 1 green, 2 blue: which byte of the entry comes next
    bool dac_reading = false;
    std::array<u8, 3> dac_pending{};  ///< components of an entry that is being written
    std::array<u8, 256 * 3> dac{};    ///< as written: 6 or 8 bits for each component

    std::array<u8, 4> latches{};

    bool operator==(const VgaRegisters&) const = default;

    void visit(StateArchive& a) {
        a.fields(misc_output, feature_control, sequencer_index, crtc_index, graphics_index, attribute_index,
                 attribute_data_next, sequencer, crtc, graphics, attribute, dac_mask, dac_read_index, dac_write_index,
                 dac_component, dac_reading, dac_pending, dac, latches);
        dac_component %= 3;
    }

    // Names for what several places ask.
    bool colour_ports() const { return (misc_output & 0x01) != 0; }
    bool display_on() const { return (attribute_index & 0x20) != 0 && (sequencer[1] & 0x20) == 0; }
    bool graphics_mode() const { return (graphics[6] & 0x01) != 0; }
    bool chain_4() const { return (sequencer[4] & 0x08) != 0; }
    bool odd_even() const { return (sequencer[4] & 0x04) == 0; }
    unsigned start_address() const { return crtc[0x0c] << 8 | crtc[0x0d]; }
    unsigned cursor_address() const { return crtc[0x0e] << 8 | crtc[0x0f]; }
    /// Scan lines shown in one frame.
    unsigned displayed_lines() const { return (crtc[0x12] | (crtc[0x07] & 0x02) << 7 | (crtc[0x07] & 0x40) << 3) + 1u; }
    unsigned line_compare() const { return crtc[0x18] | (crtc[0x07] & 0x10u) << 4 | (crtc[0x09] & 0x40u) << 3; }
    unsigned character_height() const { return (crtc[0x09] & 0x1fu) + 1; }
    unsigned character_width() const { return !graphics_mode() && (sequencer[1] & 0x01) == 0 ? 9 : 8; }
};

}  // namespace twin86
