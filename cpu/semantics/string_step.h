// StringStep: how far one execution of a REP instruction may go, and what it leaves in rCX, rSI/rDI and RIP.
#pragma once

#include "cpu/semantics/cpu.h"

namespace twin86 {

class StringStep {
  public:
    static constexpr unsigned kMaxChunkBytes = 512;  ///< a poll for interrupts after at most so much

    StringStep(const Insn& insn, unsigned element_bytes) : insn_(insn), bytes_(element_bytes) {}

    unsigned bytes() const { return bytes_; }
    u64 offset(const CpuState& s, unsigned index_register) const;
    /// Elements to do now: 0 when REP finds rCX = 0, several only upwards within one page and without a wrap.
    u64 chunk(const CpuState& s, unsigned index_register, Gva address) const;
    /// Steps the index register and rCX; RIP stays at the instruction while elements are left.
    void advance(CpuState& s, unsigned index_register, u64 count) const;

  private:
    bool repeated() const { return insn_.repe || insn_.repne; }

    const Insn& insn_;
    unsigned bytes_;
};

}  // namespace twin86
