// The register convention of emitted code (README.md): where each guest register lives.
#pragma once

#include <asmjit/x86.h>

#include "cpu/state/registers.h"

namespace twin86::jit {

/// Host numbers of the temporaries and of the frame pointer.
constexpr u8 kHostAddress = 5;  ///< rbp: the address temporary, a legacy register so that it goes with AH..BH
constexpr u8 kHostTemp = 10;    ///< r10: the second temporary
constexpr u8 kHostFrame = 4;    ///< rsp

constexpr u8 kInMemory = 0xff;
/// Host register of each guest register, or kInMemory.
constexpr u8 kHostOf[16] = {0, 1, 2, 3, 15, 11, 6, 7, 8, 9, kInMemory, kInMemory, 12, 13, 14, kInMemory};
/// Slot in JitFrame::mem_gpr of the memory-resident ones.
constexpr u8 slot_of(u8 guest) { return guest == kR10 ? 0 : guest == kR11 ? 1 : 2; }
constexpr bool in_memory(u8 guest) { return kHostOf[guest] == kInMemory; }

inline asmjit::x86::Gp host64(u8 number) { return asmjit::x86::gpq(number); }
inline asmjit::x86::Gp host32(u8 number) { return asmjit::x86::gpd(number); }

}  // namespace twin86::jit
