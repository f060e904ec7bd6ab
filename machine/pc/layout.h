// Where things are in the PC: the addresses, ports and interrupt numbers that guests know without asking.
#pragma once

#include <algorithm>

#include "base/types.h"
#include "machine/pc/machine_type.h"

namespace twin86::pc {

constexpr u64 kLowRamLimit = 3 * GiB;    ///< RAM below 4 GiB ends here at the latest; PCI memory follows
constexpr Gpa kEcamBase = 0xb0000000;    ///< q35: memory of configuration space, where firmware puts it
constexpr unsigned kEcamBuses = 256;
constexpr Gpa kRootComplexBase = 0xfed1c000;  ///< q35: the chipset's configuration registers
/// Of this much RAM, what lies below 4 GiB. On a q35 it ends before configuration space, and at 2 GiB when it does not fit.
constexpr u64 low_ram_size(MachineType type, u64 ram) {
    if (type == MachineType::kPc) return std::min<u64>(ram, kLowRamLimit);
    return ram < kEcamBase ? ram : 2 * GiB;
}
constexpr Gpa kVideoHole = 0xa0000;    ///< frame buffer: no RAM shows here
constexpr u64 kVideoHoleSize = 0x20000;
/// Firmware places device memory from here on; 2 GiB leave room for a large frame buffer where RAM does.
constexpr Gpa pci_memory_first(MachineType type, u64 low_ram) {
    if (low_ram <= 2 * GiB) return 2 * GiB;
    return type == MachineType::kPc ? kLowRamLimit : kEcamBase;
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
constexpr u32 kFrameBuffer = 0xfd000000, kDisplayRegisters = 0xfebf0000;  ///< where a kernel without firmware finds them
constexpr u8 kPirqRoutes[] = {10, 10, 11, 11};  ///< ISA IRQs of PIRQA..PIRQD (and E..H), as the DSDT says

}  // namespace twin86::pc
