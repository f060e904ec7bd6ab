// Vector instructions whose elements lie anywhere in memory: gathers, scatters and byte-masked stores. They run in C++
// on the guest's XSAVE image, one element after the other.
#pragma once

#include "cpu/semantics/cpu.h"

namespace twin86::jit {

/// Op::kGather, Op::kScatter and Op::kMaskmov, by the conventions of an OpHandler. A gather or scatter that faults has
/// done the elements before and says so in its mask: executed again, it goes on where it was.
Outcome vector_memory_op(Cpu& cpu, const Insn& insn);

}  // namespace twin86::jit
