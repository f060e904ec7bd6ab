// Where things are in the PC: the addresses, ports and interrupt numbers that guests know without asking.
#pragma once

#include "base/types.h"

namespace twin86::pc {

constexpr u64 kLowRamLimit = 3 * GiB;  ///< RAM below 4 GiB ends here at the latest; PCI memory follows
constexpr Gpa kVideoHole = 0xa0000;    ///< frame buffer: no RAM shows here
constexpr u64 kVideoHoleSize = 0x20000;
/// Firmware places device memory from here on; 2 GiB leave room for a large frame buffer where RAM does.
constexpr Gpa pci_memory_first(u64 low_ram) {
    return low_ram <= 2 * GiB ? 2 * GiB : kLowRamLimit;
}
constexpr Gpa kPciMemoryLast = 0xfebfffff;  ///< device memory on PCI ends below the I/O APIC
constexpr Gpa kIoApicBase = 0xfec00000;
constexpr Gpa kHpetBase = 0xfed00000;

constexpr IoPort kDmaLow = 0x00, kDmaPages = 0x80, kDmaHigh = 0xc0;
constexpr IoPort kPicMaster = 0x20, kPicSlave = 0xa0, kElcr = 0x4d0;
constexpr IoPort kPit = 0x40, kPort61 = 0x61;
constexpr IoPort kKeyboardData = 0x60, kKeyboardCommand = 0x64;
constexpr IoPort kRtc = 0x70;
constexpr IoPort kPort92 = 0x92, kCoprocessorError = 0xf0;
constexpr IoPort kSmiCommand = 0xb2;
constexpr IoPort kCom[] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};
constexpr unsigned kComIrq[] = {4, 3, 4, 3};
constexpr IoPort kFloppy = 0x3f0, kFloppyDir = 0x3f7;
constexpr IoPort kIdeCommand[] = {0x1f0, 0x170}, kIdeControl[] = {0x3f6, 0x376};
constexpr IoPort kPciConfig = 0xcf8;
constexpr IoPort kReset = 0xcf9;
constexpr IoPort kPmBase = 0x600;

constexpr unsigned kIrqFloppy = 6, kIrqCoprocessor = 13;
constexpr unsigned kIrqIde[] = {14, 15};
constexpr unsigned kIrqTimer = 0, kIrqKeyboard = 1, kIrqRtc = 8, kIrqSci = 9, kIrqMouse = 12;
constexpr u8 kDisplaySlot = 2, kFirstFreeSlot = 3;
constexpr u32 kFrameBuffer = 0xfd000000, kDisplayRegisters = 0xfebf0000;  ///< where a kernel without firmware finds them
constexpr u8 kPirqRoutes[] = {10, 10, 11, 11};  ///< ISA IRQs of PIRQA..PIRQD, as the DSDT says

}  // namespace twin86::pc
