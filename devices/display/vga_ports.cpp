#include "devices/display/vga_ports.h"

#include "devices/display/vga_timing.h"

namespace twin86 {
namespace {

// Which bits of each register exist.
constexpr std::array<u8, VgaRegisters::kSequencer> kSequencerBits{0x03, 0x3d, 0x0f, 0x3f, 0x0e};
constexpr std::array<u8, VgaRegisters::kGraphics> kGraphicsBits{0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff};
constexpr u8 kUnmapped = 0xff;

template <std::size_t N>
u8 indexed(const std::array<u8, N>& registers, u8 index) {
    return index < N ? registers[index] : 0;
}

}  // namespace

/// The CRT controller and input status 1 answer at 0x3bx or at 0x3dx, by bit 0 of the miscellaneous output register.
bool VgaPorts::at_other_address(IoPort port) const {
    const bool mono = port >= 0x3b0 && port <= 0x3bf, colour = port >= 0x3d0;
    return r_.colour_ports() ? mono : colour;
}

u8 VgaPorts::read(IoPort port) {
    if (at_other_address(port)) return kUnmapped;
    switch (port) {
        case 0x3c0:
            return r_.attribute_index;
        case 0x3c1:
            return indexed(r_.attribute, r_.attribute_index & 0x1f);
        case 0x3c2:
            return read_input_status_0();
        case 0x3c4:
            return r_.sequencer_index;
        case 0x3c5:
            return indexed(r_.sequencer, r_.sequencer_index);
        case 0x3c6:
            return r_.dac_mask;
        case 0x3c7:
            return r_.dac_reading ? 0x03 : 0x00;
        case 0x3c8:
            return r_.dac_write_index;
        case 0x3c9:
            return read_dac();
        case 0x3ca:
            return r_.feature_control;
        case 0x3cc:
            return r_.misc_output;
        case 0x3ce:
            return r_.graphics_index;
        case 0x3cf:
            return indexed(r_.graphics, r_.graphics_index);
        case 0x3b4:
        case 0x3d4:
            return r_.crtc_index;
        case 0x3b5:
        case 0x3d5:
            return indexed(r_.crtc, r_.crtc_index);
        case 0x3ba:
        case 0x3da:
            return read_input_status_1();
        default:
            return kUnmapped;
    }
}

void VgaPorts::write(IoPort port, u8 value) {
    if (at_other_address(port)) return;
    switch (port) {
        case 0x3c0:
            return write_attribute(value);
        case 0x3c2:
            r_.misc_output = value & 0xef;
            return;
        case 0x3c4:
            r_.sequencer_index = value & 0x07;
            return;
        case 0x3c5:
            if (r_.sequencer_index < r_.sequencer.size())
                r_.sequencer[r_.sequencer_index] = value & kSequencerBits[r_.sequencer_index];
            return;
        case 0x3c6:
            r_.dac_mask = value;
            return;
        case 0x3c7:
            r_.dac_read_index = value;
            r_.dac_component = 0;
            r_.dac_reading = true;
            return;
        case 0x3c8:
            r_.dac_write_index = value;
            r_.dac_component = 0;
            r_.dac_reading = false;
            return;
        case 0x3c9:
            return write_dac(value);
        case 0x3ce:
            r_.graphics_index = value & 0x0f;
            return;
        case 0x3cf:
            if (r_.graphics_index < r_.graphics.size())
                r_.graphics[r_.graphics_index] = value & kGraphicsBits[r_.graphics_index];
            return;
        case 0x3b4:
        case 0x3d4:
            r_.crtc_index = value & 0x3f;
            return;
        case 0x3b5:
        case 0x3d5:
            return write_crtc(value);
        case 0x3ba:
        case 0x3da:
            r_.feature_control = value & 0x0b;
            return;
        default:
            return;
    }
}

/// Index and data take turns at one port; reading input status 1 makes the index come next.
void VgaPorts::write_attribute(u8 value) {
    if (!r_.attribute_data_next) {
        r_.attribute_index = value & 0x3f;
    } else if (const u8 index = r_.attribute_index & 0x1f; index < r_.attribute.size()) {
        r_.attribute[index] = index < 0x10 || index == 0x12 ? value & 0x3f : value;
    }
    r_.attribute_data_next = !r_.attribute_data_next;
}

/// Bit 7 of the vertical retrace end register protects the registers 0 to 7, but for the line compare bit in 7.
void VgaPorts::write_crtc(u8 value) {
    const u8 index = r_.crtc_index;
    if (index >= r_.crtc.size()) return;
    if (index > 7 || (r_.crtc[0x11] & 0x80) == 0)
        r_.crtc[index] = value;
    else if (index == 7)
        r_.crtc[7] = static_cast<u8>((r_.crtc[7] & ~0x10) | (value & 0x10));
}

u8 VgaPorts::read_dac() {
    const u8 value = r_.dac[r_.dac_read_index * 3u + r_.dac_component];
    if (++r_.dac_component == 3) {
        r_.dac_component = 0;
        ++r_.dac_read_index;
    }
    return value;
}

/// An entry changes when its third component comes.
void VgaPorts::write_dac(u8 value) {
    r_.dac_pending[r_.dac_component] = value;
    if (++r_.dac_component < 3) return;
    r_.dac_component = 0;
    for (unsigned c = 0; c < 3; ++c) r_.dac[r_.dac_write_index * 3u + c] = r_.dac_pending[c];
    ++r_.dac_write_index;
}

/// Bit 4: the comparator that BIOSes use to tell a colour monitor from a monochrome one, by a dark and a bright screen.
u8 VgaPorts::read_input_status_0() const {
    const unsigned entry = (r_.attribute[0] & r_.dac_mask) * 3u;
    const unsigned brightness = r_.dac[entry] + r_.dac[entry + 1] + r_.dac[entry + 2];
    return brightness > 0x4e ? 0x10 : 0x00;
}

u8 VgaPorts::read_input_status_1() {
    r_.attribute_data_next = false;
    diagnostic_ ^= 0x30;
    return static_cast<u8>(vga_beam_status(r_, clock_.now_ns()) | diagnostic_);
}

}  // namespace twin86
