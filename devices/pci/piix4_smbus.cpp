#include "devices/pci/piix4_smbus.h"

namespace twin86 {
namespace {

constexpr u16 kHostStatus = 0, kSlaveStatus = 1, kHostControl = 2;
constexpr u8 kDeviceError = 0x04;  // SMBHSTSTS
constexpr u8 kStart = 0x40;        // SMBHSTCNT; reads as zero

}  // namespace

void Piix4Smbus::io_write(u16 offset, unsigned, u32 wide) {
    const u8 value = static_cast<u8>(wide);
    u8& reg = registers_[offset & 15];
    if (offset == kHostStatus || offset == kSlaveStatus) {
        reg = static_cast<u8>(reg & ~value);  // a one clears
        return;
    }
    reg = value;
    if (offset != kHostControl) return;
    reg = static_cast<u8>(value & ~kStart);
    if ((value & kStart) != 0) registers_[kHostStatus] |= kDeviceError;
}

}  // namespace twin86
