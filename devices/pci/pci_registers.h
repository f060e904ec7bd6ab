// Names of the standard configuration registers. PCI Local Bus Specification 3.0, chapter 6.
#pragma once

#include "base/bits.h"
#include "base/types.h"

namespace twin86 {

constexpr u8 kPciVendorId = 0x00;
constexpr u8 kPciDeviceId = 0x02;
constexpr u8 kPciCommand = 0x04;
constexpr u8 kPciStatus = 0x06;
constexpr u8 kPciRevision = 0x08;
constexpr u8 kPciClassCode = 0x09;
constexpr u8 kPciCacheLineSize = 0x0c;
constexpr u8 kPciLatencyTimer = 0x0d;
constexpr u8 kPciHeaderType = 0x0e;
constexpr u8 kPciBar0 = 0x10;
constexpr u8 kPciSubsystemVendorId = 0x2c;
constexpr u8 kPciSubsystemId = 0x2e;
constexpr u8 kPciExpansionRom = 0x30;
constexpr u8 kPciCapabilities = 0x34;
constexpr u8 kPciInterruptLine = 0x3c;
constexpr u8 kPciInterruptPin = 0x3d;
constexpr u8 kPciFirstCapability = 0x40;

constexpr u16 kPciCommandIo = 1 << 0;
constexpr u16 kPciCommandMemory = 1 << 1;
constexpr u16 kPciCommandMaster = 1 << 2;
constexpr u16 kPciCommandParity = 1 << 6;
constexpr u16 kPciCommandSerr = 1 << 8;
constexpr u16 kPciCommandIntxDisable = 1 << 10;

constexpr u16 kPciStatusInterrupt = 1 << 3;
constexpr u16 kPciStatusCapabilities = 1 << 4;
constexpr u16 kPciStatusErrors = 0xf900;  ///< bits that a one clears

constexpr u8 kPciMultiFunction = 0x80;
constexpr u8 kPciHeaderBridge = 0x01;

constexpr u8 kPciCapabilityMsi = 0x05;
constexpr u8 kPciCapabilityExpress = 0x10;
constexpr u8 kPciCapabilityMsix = 0x11;

/// Slot 0-31 and function 0-7 as the configuration address carries them.
constexpr u8 pci_devfn(unsigned slot, unsigned function) {
    return static_cast<u8>(slot << 3 | function);
}

}  // namespace twin86
