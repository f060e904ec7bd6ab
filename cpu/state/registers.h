// Names of registers and of their bits, SDM vol. 3, chapters 2 and 3.
#pragma once

#include "base/bits.h"
#include "base/types.h"

namespace twin86 {

enum Gpr : u8 { kRax, kRcx, kRdx, kRbx, kRsp, kRbp, kRsi, kRdi, kR8, kR9, kR10, kR11, kR12, kR13, kR14, kR15, kNoGpr = 0xff };

enum SegmentIndex : u8 { kEs, kCs, kSs, kDs, kFs, kGs, kNoSegment = 0xff };

enum Rflags : u64 {
    kFlagCF = 1 << 0,
    kFlagReserved1 = 1 << 1,
    kFlagPF = 1 << 2,
    kFlagAF = 1 << 4,
    kFlagZF = 1 << 6,
    kFlagSF = 1 << 7,
    kFlagTF = 1 << 8,
    kFlagIF = 1 << 9,
    kFlagDF = 1 << 10,
    kFlagOF = 1 << 11,
    kFlagIOPL = 3 << 12,
    kFlagNT = 1 << 14,
    kFlagRF = 1 << 16,
    kFlagVM = 1 << 17,
    kFlagAC = 1 << 18,
    kFlagVIF = 1 << 19,
    kFlagVIP = 1 << 20,
    kFlagID = 1 << 21,
    /// The flags that live in host RFLAGS while guest code runs.
    kFlagsArithmetic = kFlagCF | kFlagPF | kFlagAF | kFlagZF | kFlagSF | kFlagOF,
};

enum Cr0 : u64 {
    kCr0PE = bit(0),
    kCr0MP = bit(1),
    kCr0EM = bit(2),
    kCr0TS = bit(3),
    kCr0ET = bit(4),
    kCr0NE = bit(5),
    kCr0WP = bit(16),
    kCr0AM = bit(18),
    kCr0NW = bit(29),
    kCr0CD = bit(30),
    kCr0PG = bit(31),
};

enum Cr4 : u64 {
    kCr4VME = bit(0),
    kCr4PVI = bit(1),
    kCr4TSD = bit(2),
    kCr4DE = bit(3),
    kCr4PSE = bit(4),
    kCr4PAE = bit(5),
    kCr4MCE = bit(6),
    kCr4PGE = bit(7),
    kCr4PCE = bit(8),
    kCr4OSFXSR = bit(9),
    kCr4OSXMMEXCPT = bit(10),
    kCr4UMIP = bit(11),
    kCr4LA57 = bit(12),
    kCr4FSGSBASE = bit(16),
    kCr4PCIDE = bit(17),
    kCr4OSXSAVE = bit(18),
    kCr4SMEP = bit(20),
    kCr4SMAP = bit(21),
    kCr4PKE = bit(22),
};

enum Efer : u64 { kEferSCE = bit(0), kEferLME = bit(8), kEferLMA = bit(10), kEferNXE = bit(11), kEferSVME = bit(12), kEferFFXSR = bit(14), kEferTCE = bit(15), kEferAIBRSE = bit(21) };

}  // namespace twin86
