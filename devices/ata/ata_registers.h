// Registers and commands of ATA/ATAPI-7 (T13 1532D, volumes 1 and 2).
#pragma once

#include "base/types.h"

namespace twin86::ata {

// Offsets in the command block; reading and writing differ at 1 and 7.
constexpr u16 kData = 0, kErrorFeatures = 1, kSectorCount = 2, kLbaLow = 3, kLbaMid = 4, kLbaHigh = 5, kDeviceReg = 6,
              kStatusCommand = 7;

// Status.
constexpr u8 kBusy = 0x80, kReady = 0x40, kDeviceFault = 0x20, kSeekComplete = 0x10, kDataRequest = 0x08, kError = 0x01;
// Error.
constexpr u8 kAbort = 0x04, kIdNotFound = 0x10, kUncorrectable = 0x40;
constexpr u8 kDiagnosticPassed = 0x01;
// Device.
constexpr u8 kDeviceSelect = 0x10, kLbaMode = 0x40;
// Device control.
constexpr u8 kNoInterrupt = 0x02, kSoftReset = 0x04, kHighOrderByte = 0x80;
// Interrupt reason: the sector count register of PACKET.
constexpr u8 kReasonCommand = 0x01, kReasonToHost = 0x02;

enum Command : u8 {
    kNop = 0x00,
    kDataSetManagement = 0x06,
    kDeviceReset = 0x08,
    kRecalibrate = 0x10,  // to 0x1f
    kReadSectors = 0x20,
    kReadSectorsNoRetry = 0x21,
    kReadSectorsExt = 0x24,
    kReadDmaExt = 0x25,
    kReadNativeMaxExt = 0x27,
    kReadMultipleExt = 0x29,
    kWriteSectors = 0x30,
    kWriteSectorsNoRetry = 0x31,
    kWriteSectorsExt = 0x34,
    kWriteDmaExt = 0x35,
    kWriteMultipleExt = 0x39,
    kWriteDmaFuaExt = 0x3d,
    kVerify = 0x40,
    kVerifyNoRetry = 0x41,
    kVerifyExt = 0x42,
    kSeek = 0x70,
    kExecuteDiagnostic = 0x90,
    kInitializeParameters = 0x91,
    kPacket = 0xa0,
    kIdentifyPacket = 0xa1,
    kReadMultiple = 0xc4,
    kWriteMultiple = 0xc5,
    kSetMultiple = 0xc6,
    kReadDma = 0xc8,
    kReadDmaNoRetry = 0xc9,
    kWriteDma = 0xca,
    kWriteDmaNoRetry = 0xcb,
    kWriteMultipleFuaExt = 0xce,
    kStandbyImmediate = 0xe0,
    kIdleImmediate = 0xe1,
    kStandby = 0xe2,
    kIdle = 0xe3,
    kCheckPowerMode = 0xe5,
    kSleep = 0xe6,
    kFlushCache = 0xe7,
    kFlushCacheExt = 0xea,
    kIdentify = 0xec,
    kSetFeatures = 0xef,
    kReadNativeMax = 0xf8,
};

}  // namespace twin86::ata
