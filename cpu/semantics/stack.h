// The guest's stack: pushes and pops that check everything before memory or RSP change.
#pragma once

#include "cpu/semantics/cpu.h"

namespace twin86 {

/// Mask of the part of RSP that stack instructions use: 64 bits, or by SS.B.
u64 stack_mask(const CpuState& s);
/// Sets the part of RSP under the mask: a 16-bit stack keeps the upper half.
void set_stack_pointer(CpuState& s, u64 value);

/// One value onto the current stack.
Outcome push(Cpu& cpu, u64 value, unsigned bytes);

/// Values that are pushed one below the other onto a stack that need not be the current one yet.
class PushFrame {
  public:
    struct Stack {
        Segment ss;
        u64 rsp = 0;
        u64 mask = ~u64{0};
        bool flat64 = false;      ///< canonical check instead of the segment's
        bool supervisor = false;  ///< implicit supervisor accesses: a delivery to an inner level
        u32 fault_code = 0;       ///< error code of #SS
    };

    PushFrame(Cpu& cpu, const Stack& stack, unsigned slot_bytes) : cpu_(cpu), stack_(stack), slot_(slot_bytes) {}
    void push(u64 value);
    /// Faults as a push after the other would.
    Outcome probe_in_order();
    /// Checks all slots, then writes them. RSP is the caller's business: pointer().
    Outcome store();
    u64 pointer() const;

  private:
    static constexpr unsigned kMaxSlots = 40;
    u64 offset_of(unsigned index) const { return (stack_.rsp - u64{index + 1} * slot_) & stack_.mask; }
    Gva linear_of(unsigned index) const;
    Outcome check(unsigned index) const;
    Outcome store_contiguous(bool& done);

    Cpu& cpu_;
    Stack stack_;
    unsigned slot_;
    unsigned count_ = 0;
    u64 values_[kMaxSlots] = {};
};

/// The current stack, for PushFrame.
PushFrame::Stack current_stack(const CpuState& s);

/// Reads upwards from RSP and moves RSP only on commit().
class PopFrame {
  public:
    PopFrame(Cpu& cpu, unsigned slot_bytes) : cpu_(cpu), slot_(slot_bytes) {}
    /// Zero-extended next slot.
    Outcome pop(u64& value);
    void skip(u64 bytes) { consumed_ += bytes; }
    u64 pointer() const;
    void commit();

  private:
    Cpu& cpu_;
    unsigned slot_;
    u64 consumed_ = 0;
};

}  // namespace twin86
