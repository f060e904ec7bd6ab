// The Bochs VBE extensions ("dispi"): a linear frame buffer of any size behind an index and a data register. The
// registers are those that drivers for PCI 1234:1111 know (Linux drivers/gpu/drm/tiny/bochs.c, the firmware's VGA
// BIOS).
#pragma once

#include "base/state_archive.h"
#include "base/types.h"

namespace twin86 {

class VbeRegisters {
  public:
    static constexpr u16 kMaxWidth = 16000, kMaxHeight = 12000, kMaxDepth = 32;
    static constexpr unsigned kRegisters = 0x0b;

    enum Index : u16 {
        kId = 0,
        kWidth = 1,
        kHeight = 2,
        kDepth = 3,
        kEnable = 4,
        kBank = 5,
        kVirtualWidth = 6,
        kVirtualHeight = 7,
        kXOffset = 8,
        kYOffset = 9,
        kMemory64K = 10,
    };
    enum EnableBits : u16 {
        kEnabled = 0x01,
        kGetCapabilities = 0x02,
        kDac8Bit = 0x20,
        kLinear = 0x40,
        kKeepMemory = 0x80
    };

    explicit VbeRegisters(u64 memory_bytes) : memory_bytes_(memory_bytes) {}

    void reset();
    void visit(StateArchive& archive);

    u16 read(u16 index) const;
    /// True: the mode was just switched on and its memory is to be cleared.
    bool write(u16 index, u16 value);

    bool enabled() const { return (enable_ & kEnabled) != 0; }
    bool dac_8_bit() const { return (enable_ & kDac8Bit) != 0; }
    /// 4: planar; 8: palette; 15, 16, 24, 32: direct colour.
    unsigned depth() const { return depth_; }
    unsigned width() const { return width_; }
    unsigned height() const { return height_; }
    u32 bank() const { return bank_; }
    /// From one row to the next; of each plane in planar modes.
    u64 line_bytes() const { return bytes(virtual_width_ < width_ ? width_ : virtual_width_); }
    /// Where the shown part begins; of each plane in planar modes.
    u64 start_byte() const { return y_offset_ * line_bytes() + bytes(x_offset_); }

  private:
    u64 bytes(u64 pixels) const;
    u16 virtual_height() const;
    bool set_enable(u16 value);

    u64 memory_bytes_;
    u16 id_ = 0, width_ = 0, height_ = 0, depth_ = 8, enable_ = 0, bank_ = 0;
    u16 virtual_width_ = 0, x_offset_ = 0, y_offset_ = 0;
};

}  // namespace twin86
