// The VGA's ports 0x3b4 to 0x3df over its register file. IBM, "Video Subsystem", register descriptions.
#pragma once

#include "devices/core/bus.h"
#include "devices/core/clock.h"
#include "devices/display/vga_registers.h"

namespace twin86 {

/// One handler for all ports: the offset is relative to kBase, whatever range it is mapped for.
class VgaPorts {
  public:
    static constexpr IoPort kBase = 0x3b0;
    static constexpr unsigned kCount = 0x30;

    VgaPorts(VgaRegisters& registers, const Clock& clock) : r_(registers), clock_(clock) {}

    u8 read(IoPort port);
    void write(IoPort port, u8 value);

  private:
    bool at_other_address(IoPort port) const;
    u8 read_attribute() const;
    void write_attribute(u8 value);
    void write_crtc(u8 value);
    u8 read_dac();
    void write_dac(u8 value);
    u8 read_input_status_0() const;
    u8 read_input_status_1();

    VgaRegisters& r_;
    const Clock& clock_;
    u8 diagnostic_ = 0;  // bits 4 and 5 of input status 1, which some programs wait to see change
};

}  // namespace twin86
