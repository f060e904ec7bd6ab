// Vector instructions whose elements lie anywhere in memory: gathers, scatters and byte-masked stores. Here they run on
// the guest's XSAVE image, one element after the other: what the leaf helper (emit_elements.cpp) cannot do.
#pragma once

#include "cpu/semantics/cpu.h"

namespace twin86::jit {

/// The elements of a gather or scatter.
struct Elements {
    unsigned data_bytes, index_bytes, count;

    static Elements of(const Insn& insn);
    /// Whether its registers and address size are allowed; otherwise #UD.
    static bool allowed(const Insn& insn);
    unsigned data_bits() const { return count * data_bytes * 8; }
    u64 all() const { return bit(count) - 1; }
};

/// Op::kGather, Op::kScatter and Op::kMaskmov, by the conventions of an OpHandler. A gather or scatter that faults has
/// done the elements before and says so in its mask: executed again, it goes on where it was.
Outcome vector_memory_op(Cpu& cpu, const Insn& insn);

}  // namespace twin86::jit
