// Command and sense codes of the CD-ROM's packets. SPC-3 (T10 1416-D), MMC-5 (T10 1675-D).
#pragma once

#include "base/types.h"

namespace twin86::scsi {

enum Command : u8 {
    kTestUnitReady = 0x00,
    kRequestSense = 0x03,
    kInquiry = 0x12,
    kStartStopUnit = 0x1b,
    kPreventAllowRemoval = 0x1e,
    kReadCapacity = 0x25,
    kRead10 = 0x28,
    kSeek10 = 0x2b,
    kReadSubchannel = 0x42,
    kReadToc = 0x43,
    kGetConfiguration = 0x46,
    kGetEventStatus = 0x4a,
    kReadDiscInformation = 0x51,
    kModeSense10 = 0x5a,
    kRead12 = 0xa8,
    kSetCdSpeed = 0xbb,
    kMechanismStatus = 0xbd,
    kReadCd = 0xbe,
};

/// Key, additional code and qualifier.
struct Sense {
    u8 key = 0, code = 0, qualifier = 0;
};

constexpr Sense kNoSense{};
constexpr Sense kNoMedium{0x02, 0x3a, 0x00};
constexpr Sense kReadError{0x03, 0x11, 0x00};
constexpr Sense kInvalidCommand{0x05, 0x20, 0x00};
constexpr Sense kLbaOutOfRange{0x05, 0x21, 0x00};
constexpr Sense kInvalidField{0x05, 0x24, 0x00};
constexpr Sense kRemovalPrevented{0x05, 0x53, 0x02};
constexpr Sense kMediumChanged{0x06, 0x28, 0x00};
constexpr Sense kPowerOn{0x06, 0x29, 0x00};

}  // namespace twin86::scsi
