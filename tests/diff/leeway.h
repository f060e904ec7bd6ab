// Leeway: where processors may differ, at the instruction where the native side stopped.
#pragma once

#include "cpu/decode/decoder.h"
#include "tests/diff/case.h"
#include "tests/diff/flag_walk.h"

namespace twin86::diff {

class Leeway {
  public:
    /// `native` has the outcome of `job`. All three must outlive this.
    Leeway(const Decoder& decoder, const Job& job, const JobResult& native);

    /// Nothing can be compared: another processor or another ring may raise another exception, or none.
    bool outcome_is_open() const {
        return undefined_and_too_long() || lenient_host() || depends_on_ring() || checks_bit_string_offset() || traps_early() || returns_far() ||
               checks_alignment_of_pieces();
    }
    /// Gives `guest` the native side's values where either is right.
    void apply(JobResult& guest) const;
    /// The flags that every processor sets alike.
    u64 defined_flags(const FlagWalk& walk) const;

  private:
    bool undefined_and_too_long() const;
    bool depends_on_ring() const;
    bool host_kernel_stores() const;
    bool checks_bit_string_offset() const;
    bool traps_early() const;
    bool returns_far() const;
    bool either_operand_may_fault_first(const JobResult& guest) const;
    bool crosses_canonical_border(const JobResult& guest) const;
    bool either_check_may_come_first(const JobResult& guest) const;
    bool checks_alignment_of_pieces() const;
    bool alignment_may_come_first(const JobResult& guest) const;
    bool wraps_in_segment(const JobResult& guest) const;
    bool wraps_at_4_gib(const JobResult& guest) const;
    bool calls_invalid_target() const;
    bool pushes_some() const;
    Gva stack_top() const;
    void take_stack(JobResult& guest, u64 size) const;
    bool lenient_host() const;
    DecodeStatus decode(u64 at, Insn& insn) const;

    const Decoder& decoder_;
    const Job& job_;
    const JobResult& native_;
    u64 stop_;  ///< offset in the job's code
    Insn insn_;
    DecodeStatus status_ = DecodeStatus::kNeedMoreBytes;  ///< of the instruction there
};

}  // namespace twin86::diff
