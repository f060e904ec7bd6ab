// What a differential case is: a program of a few instructions, the state it starts from, and what came out.
//
// Both sides see the same linear memory: a data window of three writable pages and a read-only one, two pages of code,
// one of them shown twice, nothing else. Effective addresses are thus equal on both sides.
#pragma once

#include "cpu/state/cpu_state.h"

namespace twin86::diff {

constexpr Gva kDataBase = 0x1000'0000;
constexpr u64 kDataSize = 4 * kPageSize;
constexpr u64 kWritableSize = 3 * kPageSize;  ///< the last page is read-only
constexpr Gva kCodeBase = 0x2000'0000;
constexpr u64 kCodeSize = 2 * kPageSize;
constexpr Gva kCodeAliasBase = kCodeBase + 0x10000;  ///< the first page of code once more
constexpr unsigned kMaxCode = 1600;

/// The flags that are compared: those that programs of ring 3 can see change.
constexpr u64 kComparedFlags = kFlagsArithmetic | kFlagDF;

/// What a program works on, beside memory.
struct MachineState {
    u64 gpr[16];
    u64 rip;
    u64 rflags;
    u64 fs_base, gs_base;
    u8 segment[6];                         ///< SegmentNumber, by SegmentIndex; outside of 64-bit mode
    alignas(64) u8 xsave[kXsaveAreaSize];  ///< standard format
};

/// A case as both sides execute it. Plain data: it goes to the native side through shared memory.
struct Job {
    u8 code[kMaxCode];
    u32 code_size;
    u32 code_offset;  ///< in the code pages
    u32 data_seed;    ///< which part of the pattern fills the data window
    u32 bits;         ///< 64, or 32 or 16 for compatibility mode
    bool loads_segments;  ///< of the LDT: selectors and their error codes are compared too, in ring 3 alone
    MachineState in;

    /// RIP of the first byte: 16-bit code has a segment of its own.
    Gva start() const { return (bits == 16 ? 0 : kCodeBase) + code_offset; }
};

struct JobResult {
    i32 vector;      ///< exception that ended it: 3 (INT3) when the program ran to its end
    u32 error_code;  ///< #PF, and with loads_segments all others
    u64 cr2;         ///< #PF only
    MachineState out;
    u16 selector[6];  ///< by SegmentIndex; with loads_segments
    u8 data[kDataSize];
};

/// The pattern that data windows are cut from: random bytes, numbers at the edges, text.
const u8* data_pattern(u32 seed);

}  // namespace twin86::diff
