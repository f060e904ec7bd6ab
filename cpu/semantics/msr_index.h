// Numbers of the model-specific registers that the slow paths implement themselves, SDM vol. 4, 2.1; APM vol. 2, A.
#pragma once

#include "base/types.h"

namespace twin86 {

constexpr u32 kMsrTsc = 0x10;
constexpr u32 kMsrApicBase = 0x1b;
constexpr u32 kMsrTscAdjust = 0x3b;
constexpr u32 kMsrSpecCtrl = 0x48;
constexpr u32 kMsrPredCmd = 0x49;
constexpr u32 kMsrTscDeadline = 0x6e0;
constexpr u32 kMsrX2apicFirst = 0x800;
constexpr u32 kMsrX2apicLast = 0x8ff;
constexpr u32 kMsrXss = 0xda0;
constexpr u32 kMsrEfer = 0xc0000080;
constexpr u32 kMsrFsBase = 0xc0000100;
constexpr u32 kMsrGsBase = 0xc0000101;
constexpr u32 kMsrTscAux = 0xc0000103;

}  // namespace twin86
