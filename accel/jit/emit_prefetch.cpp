// PREFETCH: a hint. It may name any host address, so nothing is compared: the delta of the window, or of the TLB entry, that the
// address selects is right wherever an access would have been fast, and elsewhere the hint is lost.
#include "accel/jit/builder.h"

namespace twin86::jit {

using namespace asmjit;

/// r10 = delta of the TLB entry that rbp selects.
void BlockBuilder::select_tlb_delta() {
    a.pext(x86::r10, x86::rbp, field(offsetof(JitFrame, tlb_index_mask)));
    a.lea(x86::r10, x86::ptr(0, x86::r10, 2));
    Mem delta = field(offsetof(JitFrame, tlb) + mode_.view() * sizeof(TlbTable) + offsetof(TlbEntry, delta));
    delta.setIndex(x86::r10, 3);
    a.mov(x86::r10, delta);
}

/// Where the operand lies on the host, as well as it can be told.
x86::Mem BlockBuilder::prefetch_place(const Insn& insn) {
    const MemOperand& m = insn.mem;
    const bool based = m.index == kNoGpr && m.base != kNoGpr && !in_memory(m.base), known = based && delta_anchor_ == m.base;
    if (known || (based && mode_.has(Mode::kWindows))) {
        const u8 delta = known ? kHostTemp : kHostAddress;  // r10 stays what it is
        if (!known) select_delta(kHostOf[m.base], delta);
        delta_kept_ = true;
        return x86::ptr(host64(kHostOf[m.base]), host64(delta), 0, static_cast<i32>(m.disp));
    }
    effective_address(insn, kHostAddress);
    if (mode_.has(Mode::kWindows)) select_delta(kHostAddress);
    else select_tlb_delta();
    return x86::ptr(x86::rbp, x86::r10);
}

void BlockBuilder::emit_prefetch(const Insn& insn) {
    const MemOperand& m = insn.mem;
    const bool flat = mode_.has(Mode::kCode64) && insn.address_bits == 64 && m.segment != kFs && m.segment != kGs;
    if (!flat || m.rip_relative) {
        delta_kept_ = true;
        return;
    }
    const x86::Mem place = prefetch_place(insn);
    const unsigned hint = (insn.modrm >> 3) & 7;
    if (insn.opcode == 0x0d) {
        if (hint == 0) a.prefetcht0(place);
        else a.prefetchw(place);
    } else if (hint == 0) {
        a.prefetchnta(place);
    } else if (hint == 1) {
        a.prefetcht0(place);
    } else if (hint == 2) {
        a.prefetcht1(place);
    } else {
        a.prefetcht2(place);
    }
}

}  // namespace twin86::jit
